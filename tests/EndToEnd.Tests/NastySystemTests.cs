using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Connectors.Testing;
using CsCheck;

namespace Connectors.EndToEnd.Tests;

/// <summary>
/// The whole system with 8 slots, among callers that send nonsense to every listener, and a function and a callback receiver that answer with it: no slot is
/// lost, no listener stops, every accepted call has its end, and an innocent call always runs. <c>NASTY_COUNT</c> says how many of each, <c>NASTY_SEED</c>
/// repeats a run.
/// </summary>
public sealed class NastySystemTests(ITestOutputHelper output)
{
    private const int Slots = 8;
    private const int Callers = 8;
    private const int Innocents = 25;
    private static readonly int Count = int.TryParse(Environment.GetEnvironmentVariable("NASTY_COUNT"), out var count) ? count : 100;
    private static readonly ulong Seed = ulong.TryParse(Environment.GetEnvironmentVariable("NASTY_SEED"), out var seed) ? seed : (ulong)TimeProvider.System.GetTimestamp();
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(Math.Max(Eventually.Patience.TotalMinutes, Count / 500));

    private static readonly Dictionary<string, string> Worker = new()
    {
        ["max_inflight"] = $"{Slots}",
        ["max_retry_attempts"] = "2",
        ["initial_retry_wait"] = "20ms",
        ["max_retry_wait"] = "40ms",
        ["upstream_timeout"] = "3s",
        ["callback_timeout"] = "4s",
        ["callback_initial_wait"] = "20ms",
        ["callback_max_wait"] = "100ms",
        ["callback_max_age"] = "6s",
    };

    [Fact]
    public async Task Nothing_that_comes_in_or_is_answered_costs_a_slot_a_listener_or_a_call()
    {
        output.WriteLine($"NASTY_SEED={Seed} NASTY_COUNT={Count}");
        var requests = OddRequests.All.Array[Count].Generate(new PCG(1, Seed), null, out _);
        var answers = OddAnswers.All.Array[Count].Generate(new PCG(2, Seed), null, out _);
        var receipts = OddAnswers.All.Array[Count].Generate(new PCG(3, Seed), null, out _);
        await using var odd = RawServer.Start(request => request.Header("X-Call-Id")?.Split('-') switch
        {
            ["nasty", var i] => (request.Target.StartsWith("/receiver", StringComparison.Ordinal) ? receipts : answers)[int.Parse(i, CultureInfo.InvariantCulture)],
            ["hang", _] => new RawAnswer("", After.Hang),
            _ => RawAnswer.Ok,
        });
        await using var pipeline = await Pipeline.StartAsync(work: odd.Url, worker: Worker);
        Uri[] listeners = [pipeline.Gateway.Api, pipeline.Gateway.Api, pipeline.Gateway.Api, pipeline.Gateway.Metrics, pipeline.Worker.Metrics];

        await Parallel.ForEachAsync(Enumerable.Range(0, Count), new ParallelOptions { MaxDegreeOfParallelism = Callers }, async (i, _) =>
        {
            await SendRawAsync(listeners[i % listeners.Length], requests[i]);
            await AcceptedAsync(pipeline, "work", $"nasty-{i}", ("X-Callback-Url", odd.Url + "receiver"));
            if (i % Innocents == 0)
            {
                await AcceptedAsync(pipeline, "innocent", $"innocent-{i}");
            }
        });

        await Eventually.HoldsAsync(
            async () => await pipeline.QueueAsync(HttpMethod.Get) is { } queue && ((int)queue["calls"]!, (int)queue["callbacks"]!) == (0, 0),
            () => $"everything ends (NASTY_SEED={Seed}); the worker wrote:\n{pipeline.Worker.Process.Tail()}",
            Patience);
        var innocent = pipeline.Function.Requests.Where(r => r.CallId?.StartsWith("innocent-", StringComparison.Ordinal) == true).Select(r => r.CallId).Distinct();
        Assert.Equal((Count + Innocents - 1) / Innocents, innocent.Count());
        var accepted = 0;

        // An end is counted after its ack, and a line is read some time after it was written.
        await Eventually.HoldsAsync(
            async () =>
            {
                accepted = pipeline.Gateway.Process.Lines.Count(line => line.Contains(" Accepted ", StringComparison.Ordinal) && line.Contains("\"duplicate\":false", StringComparison.Ordinal));
                return accepted == await EndsAsync(pipeline);
            },
            "each accepted call has one end");
        Assert.InRange(accepted, Count + innocent.Count(), int.MaxValue);
        await EverySlotIsLeftAsync(pipeline);
        foreach (var service in new[] { pipeline.Gateway, pipeline.Worker })
        {
            Assert.False(service.Process.HasExited);
            await service.IsReadyAsync();
        }
    }

    private static async Task AcceptedAsync(Pipeline pipeline, string function, string id, params (string Name, string Value)[] headers)
    {
        using var answer = await pipeline.CallAsync(function, Encoding.UTF8.GetBytes(id), [("X-Call-Id", id), .. headers]);
        Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
    }

    // Whatever comes back is read to its end. What follows ends the connection; if the other side waits for a body that never comes, our half is closed.
    private static async Task SendRawAsync(Uri listener, string request)
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(listener.Host, listener.Port);
        await using var stream = new NetworkStream(socket);
        try
        {
            await stream.WriteAsync(Encoding.Latin1.GetBytes(request + "\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
            var reading = stream.CopyToAsync(Stream.Null);
            if (await Task.WhenAny(reading, Task.Delay(TimeSpan.FromMilliseconds(300), TimeProvider.System)) != reading)
            {
                socket.Shutdown(SocketShutdown.Send);
            }

            await reading;
        }
        catch (Exception fault) when (fault is IOException or SocketException)
        {
            // Cut.
        }
    }

    private static async Task<double> EndsAsync(Pipeline pipeline)
    {
        using var http = new HttpClient(new SocketsHttpHandler());
        var metrics = await http.GetStringAsync(new Uri(pipeline.Worker.Metrics, "/metrics"));
        return metrics.Split('\n').Where(line => line.StartsWith("queue_worker_call_ends_total{", StringComparison.Ordinal)).Sum(line => double.Parse(line.Split(' ')[^1], CultureInfo.InvariantCulture));
    }

    // As many calls as there are slots run at once again.
    private static async Task EverySlotIsLeftAsync(Pipeline pipeline)
    {
        for (var i = 0; i < 40 * Slots; i++)
        {
            await AcceptedAsync(pipeline, "work", $"hang-{i}");
        }

        await Eventually.HoldsAsync(
            async () => await pipeline.Worker.MetricAsync("queue_worker_function_invocation_inflight{queue_name=\"faas-request\",function_name=\"work.openfaas-fn\"}") == Slots,
            () => $"all slots take calls (NASTY_SEED={Seed}); the worker wrote:\n{pipeline.Worker.Process.Tail()}");
    }
}
