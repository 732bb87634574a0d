using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using Connectors.Testing;

namespace Connectors.QueueWorker.Tests;

/// <summary>A server whose operator bounds what one pull may ask for, to far less than a worker has slots.</summary>
public sealed class PullLimitTests : IDisposable
{
    private const int Many = 30;

    private readonly string _folder = Directory.CreateTempSubdirectory("nats-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("static")]
    [InlineData("function")]
    public async Task Calls_delayed_calls_and_callbacks_are_taken_in_pulls_that_the_server_allows(string mode)
    {
        // Of two such blocks the later one counts, whole.
        await using var server = await NatsServer.StartAsync($"jetstream {{ store_dir: \"{_folder}\", limits {{ max_request_batch: 4 }} }}");
        await using var bench = await Bench.StartAsync(options: new() { ["scaling_mode"] = mode, ["max_inflight"] = "50", ["limiter_enabled"] = "false" }, server: server);
        var due = TimeProvider.System.GetUtcNow();
        var aside = StreamNames.AsideSubject(bench.Queue, AsideGroup.At(due), Priority.Normal, Bench.Echo);

        for (var i = 0; i < Many; i++)
        {
            await bench.EnqueueAsync(Bench.Call() with { Callback = bench.CallbackUrl.ToString(), Priority = i % 2 == 0 ? Priority.High : Priority.Normal });
            await bench.PublishAsync(aside, [], null, (EnvelopeCodec.HeaderName, EnvelopeCodec.Encode(Bench.Call() with { Due = due, NotBefore = due })));
        }

        await Eventually.HoldsAsync(
            () => bench.Sends.Count == 2 * Many && bench.Posts.Count == Many,
            () => $"all run and are told; {bench.Sends.Count} ran, {bench.Posts.Count} were told; the worker wrote:\n{bench.Worker.Process.Tail()}");
        await bench.IsEmptyAsync();

        Assert.DoesNotContain(bench.Worker.Process.Lines, line => line.Contains("Exceeded", StringComparison.Ordinal));
        Assert.Equal((2 * Many, Many), (bench.Sends.Count, bench.Posts.Count));
    }
}
