using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using Connectors.Testing;

namespace Connectors.QueueWorker.Tests;

/// <summary>Bodies of the largest size, more at once than nats-server keeps on their way to one client (<c>max_pending</c>, 64 MiB): it would end the connection.</summary>
public sealed class LargeBodyTests
{
    private const int Many = 240;
    private const int Functions = 12;

    private static readonly byte[] Large = new byte[1_000_000];

    [Theory]
    [InlineData("static")]
    [InlineData("function")]
    public async Task More_slots_than_the_server_has_room_for_on_the_way_take_large_calls_each_once(string mode)
    {
        await using var bench = await Bench.StartWithoutWorkerAsync(
            options: new() { ["scaling_mode"] = mode, ["max_inflight"] = $"{Many}", ["limiter_enabled"] = "false", ["max_result_bytes"] = "0" });
        for (var i = 0; i < Many; i++)
        {
            await bench.EnqueueAsync(Bench.Call(new FunctionName($"f{i % Functions}", "openfaas-fn")), Large);
        }

        await bench.StartWorkerAsync();

        await RanOnceAsync(bench);
    }

    [Fact]
    public async Task Large_calls_that_lie_aside_and_are_due_together_come_back_each_once()
    {
        await using var bench = await Bench.StartWithoutWorkerAsync();
        var due = TimeProvider.System.GetUtcNow();
        for (var i = 0; i < Many; i++)
        {
            var at = due - TimeSpan.FromSeconds(i % Functions);
            var call = Bench.Call() with { Due = at, NotBefore = at };
            await bench.PublishAsync(StreamNames.AsideSubject(bench.Queue, AsideGroup.At(at), Priority.Normal, Bench.Echo), Large, null, (EnvelopeCodec.HeaderName, EnvelopeCodec.Encode(call)));
        }

        await bench.StartWorkerAsync();

        await RanOnceAsync(bench);
    }

    private static async Task RanOnceAsync(Bench bench)
    {
        await Eventually.HoldsAsync(() => bench.Sends.Count >= Many, () => $"all run; {bench.Sends.Count} ran; the server wrote:\n{bench.Server.Log}\nthe worker wrote:\n{bench.Worker.Process.Tail()}");
        await bench.IsEmptyAsync();

        Assert.DoesNotContain("Slow Consumer", bench.Server.Log, StringComparison.Ordinal);
        Assert.Equal(Many, bench.Sends.Count);
    }
}
