using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Connectors.Testing;
using NATS.Client.Core;
using NATS.Client.JetStream;

namespace Connectors.Faults.Tests;

/// <summary>
/// What an earlier version left in a real nats-server (wire/, as it was recorded: streams, consumers, messages, values of buckets), taken over by this one's
/// services. Times are moved to the last hours; the function's port is the test's.
/// </summary>
public sealed partial class OldWireTests
{
    private static readonly DateTimeOffset Recorded = new(2026, 11, 28, 20, 0, 0, TimeSpan.Zero);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Calls_callbacks_dead_letters_results_and_cancellations_of_an_earlier_version_are_taken_over()
    {
        await using var server = await NatsServer.StartAsync();
        await using var ends = await Ledger.StartAsync();
        await using var nats = new NatsConnection(new NatsOpts { Url = server.Url, ConnectTimeout = TimeSpan.FromSeconds(20), RequestTimeout = TimeSpan.FromMinutes(1), CommandTimeout = TimeSpan.FromMinutes(1) });
        await RestoreAsync(nats, ends.Port);
        var home = Directory.CreateTempSubdirectory("wire-");
        await File.WriteAllTextAsync(Path.Combine(home.FullName, "basic-auth-user"), "admin", Ct);
        await File.WriteAllTextAsync(Path.Combine(home.FullName, "basic-auth-password"), "wire", Ct);
        await File.WriteAllTextAsync(Path.Combine(home.FullName, "functions.yaml"), $$$"""
            version: "1.0"
            provider: {name: openfaas}
            functions:
              ok: {image: test/ok, environment: {upstream_url: "http://127.0.0.1:{{{ends.Port}}}/work/"}}
              fail: {image: test/fail, environment: {upstream_url: "http://127.0.0.1:{{{ends.Port}}}/bad/"}}
              again: {image: test/again, environment: {upstream_url: "http://127.0.0.1:{{{ends.Port}}}/work/"}}
            """, Ct);
        await using var gateway = await ServiceProcess.StartAsync("Gateway", new Dictionary<string, string>
        {
            ["faas_nats_address"] = "127.0.0.1",
            ["faas_nats_port"] = Number(server.Port),
            ["functions_path"] = Path.Combine(home.FullName, "functions.yaml"),
            ["data_path"] = Path.Combine(home.FullName, "data"),
            ["secret_mount_path"] = home.FullName,
            ["basic_auth"] = "true",
        });
        await using var worker = await ServiceProcess.StartAsync("QueueWorker", new Dictionary<string, string>
        {
            ["nats_host"] = "127.0.0.1",
            ["nats_port"] = Number(server.Port),
            ["gateway_url"] = gateway.Api.ToString(),
            ["callback_allow"] = "127.0.0.1",
            ["secret_mount_path"] = home.FullName,
        });

        // Five calls run, the cancelled one does not; four callbacks come: two that waited, and those of two calls that end now.
        await Eventually.HoldsAsync(
            () => Ids(ends, "work", "bad").SetEquals(["retried", "waits", "urgent", "fails", "keeps"]) && Ids(ends, "callback").SetEquals(["told", "dead", "retried", "waits", "fails"]),
            () => $"all has come: {string.Join(", ", ends.Entries.Select(entry => entry.Head.Split('\r')[0] + " " + entry.CallId))}\n{worker.Process.Tail()}");
        var waits = ends.Entries.First(entry => entry.CallId == "waits");
        Assert.Equal(Enumerable.Range(0, 256).Select(i => (byte)i), waits.Body);
        Assert.StartsWith("POST /work/sub/path?q=a%20b&q=c ", waits.Head, StringComparison.Ordinal);
        Assert.Equal(2, ends.Entries.First(entry => entry.CallId == "retried").Attempt);

        using var http = new HttpClient(new SocketsHttpHandler()) { BaseAddress = gateway.Api };
        http.DefaultRequestHeaders.Authorization = new("Basic", Convert.ToBase64String("admin:wire"u8));
        await Eventually.HoldsAsync(async () => (await http.GetStringAsync("/system/queues/faas-request/dead", Ct)).Contains("\"cancelled\"", StringComparison.Ordinal), "the cancelled call is a dead letter");
        Assert.Contains("\"dead\"", await http.GetStringAsync("/system/queues/faas-request/dead", Ct), StringComparison.Ordinal);
        await Eventually.HoldsAsync(async () => await http.GetStringAsync("/async-function/keeps", Ct) == "done hello", "the result is kept");
        var js = new NatsJSContext(nats);
        await Eventually.HoldsAsync(
            async () => (await js.GetStreamAsync(FaultySystem.Calls, cancellationToken: Ct)).Info.State.Messages + (await js.GetStreamAsync(FaultySystem.Callbacks, cancellationToken: Ct)).Info.State.Messages == 0,
            "nothing is left");
        home.Delete(recursive: true);
    }

    private static HashSet<string> Ids(Ledger ends, params string[] of) =>
        [.. ends.Entries.Where(entry => of.Any(path => entry.Head.StartsWith($"POST /{path}", StringComparison.Ordinal))).Select(entry => entry.CallId)];

    private static async Task RestoreAsync(NatsConnection nats, int port)
    {
        var js = new NatsJSContext(nats);
        foreach (var line in await File.ReadAllLinesAsync(Path.Combine(AppContext.BaseDirectory, "wire", "29574bd.jsonl"), Ct))
        {
            using var json = JsonDocument.Parse(Move(line.Replace("FUNCTIONS", Number(port), StringComparison.Ordinal)));
            var entry = json.RootElement;
            if (entry.TryGetProperty("stream", out var stream))
            {
                await AskAsync(nats, $"STREAM.CREATE.{stream}", entry.GetProperty("config").GetRawText());
            }
            else if (entry.TryGetProperty("consumer", out var consumer))
            {
                await AskAsync(nats, $"CONSUMER.CREATE.{entry.GetProperty("of")}.{consumer}.{entry.GetProperty("config").GetProperty("filter_subject")}", $"{{\"stream_name\":\"{entry.GetProperty("of")}\",\"config\":{entry.GetProperty("config").GetRawText()}}}");
            }
            else
            {
                var headers = new NatsHeaders();
                foreach (var header in entry.GetProperty("headers").EnumerateArray())
                {
                    headers.Add(header[0].GetString()!, header[1].GetString()!);
                }

                var body = entry.GetProperty("body").GetBytesFromBase64();
                var isValue = entry.GetProperty("message").GetString()!.StartsWith("$KV", StringComparison.Ordinal);
                (await js.PublishAsync(entry.GetProperty("message").GetString()!, isValue ? Encoding.Latin1.GetBytes(Move(Encoding.Latin1.GetString(body))) : body, headers: headers, cancellationToken: Ct)).EnsureSuccess();
            }
        }
    }

    private static async Task AskAsync(NatsConnection nats, string subject, string words)
    {
        var answer = (await nats.RequestAsync<string, string>($"$JS.API.{subject}", words, cancellationToken: Ct)).Data!;
        Assert.False(answer.Contains("\"error\"", StringComparison.Ordinal), answer);
    }

    // The recording's hour ends now.
    private static string Move(string text)
    {
        var by = TimeProvider.System.GetUtcNow() - Recorded - TimeSpan.FromHours(2);
        return Time().Replace(text, time => (DateTimeOffset.Parse(time.Value, CultureInfo.InvariantCulture) + by).ToString("O", CultureInfo.InvariantCulture));
    }

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);

    [GeneratedRegex(@"20\d\d-\d\d-\d\dT[0-9:.]+\+00:00")]
    private static partial Regex Time();
}
