using NATS.Client.JetStream.Models;

namespace Connectors.QueueWorker.Consuming;

/// <summary>How the calls of a queue are taken: by consumers that all functions share, or by one for each function.</summary>
internal interface ICallPulls
{
    /// <summary>Consumers that exist as long as the mode does.</summary>
    IReadOnlyList<StreamConsumer> Lasting { get; }

    /// <summary>Tells what the stream holds, every few seconds: the safety net under everything quicker.</summary>
    void Look(StreamInfo calls);

    /// <summary>Pulls until told to stop; what was started is then still running.</summary>
    Task RunAsync(CancellationToken stopping);
}
