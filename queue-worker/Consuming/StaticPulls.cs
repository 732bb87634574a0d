using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using NATS.Client.JetStream.Models;

namespace Connectors.QueueWorker.Consuming;

/// <summary>Static mode: one consumer for each priority, shared by all functions and replicas; first come, first served.</summary>
internal sealed class StaticPulls(
    QueueWorkerOptions options, StreamSetup setup, RunningDeliveries running, Suspicion suspicion, TimeProvider time, ILogger log) : ICallPulls
{
    private readonly StreamConsumer[] _consumers =
    [
        Consumer(options, setup, StreamNames.StaticHigh, Priority.High, time),
        Consumer(options, setup, StreamNames.StaticNormal, Priority.Normal, time),
    ];

    public IReadOnlyList<StreamConsumer> Lasting => _consumers;

    public void Look(StreamInfo calls)
    {
        // A waiting pull tells sooner.
    }

    public Task RunAsync(CancellationToken stopping)
    {
        var most = options.Consuming.PullMaxMessages > 0 ? options.Consuming.PullMaxMessages : int.MaxValue;
        return new PullLoop(_consumers, running, most, suspicion, time, log).RunAsync(stopping);
    }

    private static StreamConsumer Consumer(QueueWorkerOptions options, StreamSetup setup, string name, Priority priority, TimeProvider time) =>
        new(setup, StreamNames.Calls(options.Queue), StreamConsumer.Shared(name, StreamNames.CallSubjects(options.Queue, priority), options.Consuming.AckWait), time);
}
