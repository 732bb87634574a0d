using Connectors.QueueWorker.Settling;
using Connectors.Sdk.Hosting;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;

namespace Connectors.QueueWorker.Consuming;

/// <summary>Tells the queue's other workers, and the gateway, what this one has in hand, and listens to them.</summary>
internal sealed class Reporting(QueueWorkerOptions options, WorkerReports reports, WaitingRetries retries) : IDuty
{
    private readonly string _worker = Guid.NewGuid().ToString("N");

    /// <summary>What all workers have in hand: this one now, the others as they said last.</summary>
    public CallsInHand InHand() => reports.Of(options.Queue, Own());

    public Task RunAsync(CancellationToken stoppingToken) =>
        Task.WhenAll(reports.ListenAsync(options.Queue, stoppingToken), reports.TellAsync(options.Queue, Own, stoppingToken));

    private WorkerReport Own() => new() { Worker = _worker, Running = Metrics.Running(), Delayed = retries.Count() };
}
