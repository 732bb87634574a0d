using Connectors.QueueWorker.Consuming;
using Connectors.QueueWorker.Dispatching;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Connectors.QueueWorker.Tests;

/// <summary>What a worker knows of breakers, without the worker: each call that it hears of is another one.</summary>
internal sealed class BreakerWatcher(NatsLink link, QueueWorkerOptions options, Pauses pauses, TimeProvider time) : IAsyncDisposable
{
    private readonly Breakers _breakers = new(options, pauses, time);

    public NatsLink Link => link;

    public string Queue => options.Queue;

    public Pauses Pauses => pauses;

    public UnusedBreakers UnusedBreakers { get; } = new(options, link, pauses);

    /// <summary>Of how many functions failed calls are remembered.</summary>
    public int Failing => _breakers.Failing;

    public static async Task<BreakerWatcher> StartAsync(NatsServer server, Dictionary<string, string>? more = null, string? queue = null, TimeProvider? time = null)
    {
        var settings = new Dictionary<string, string>(more ?? [])
        {
            ["queue_name"] = queue ?? "q" + Guid.NewGuid().ToString("N")[..8],
            ["nats_host"] = "127.0.0.1",
            ["nats_port"] = server.Port.ToString(System.Globalization.CultureInfo.InvariantCulture),
        };
        var options = QueueWorkerOptions.Read(new Settings(settings));
        var link = new NatsLink(options.Nats, new NatsRole("test", IsNeeded: true, () => { }), new Readiness(), TimeProvider.System, NullLoggerFactory.Instance);
        await link.StartAsync(TestContext.Current.CancellationToken);

        // Whoever writes waits for some seconds only, connection and bucket included; on a busy machine these two alone take as long.
        await link.OpenAsync(Eventually.Patience, TestContext.Current.CancellationToken);
        await new Bucket(link, BucketShape.Paused(options.Limits), Eventually.Patience, TimeProvider.System).OpenAsync(TestContext.Current.CancellationToken);
        time ??= TimeProvider.System;
        return new BreakerWatcher(link, options, new Pauses(link, options, time, NullLogger<Pauses>.Instance), time);
    }

    public ValueTask<bool> HoldsAsync(Outcome outcome, FunctionName? function = null) =>
        _breakers.HoldsAsync(Bench.Call(function), outcome, TestContext.Current.CancellationToken);

    public ValueTask DisposeAsync() => link.DisposeAsync();
}
