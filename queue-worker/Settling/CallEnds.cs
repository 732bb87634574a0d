using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.QueueWorker.Settling;

/// <summary>Counts how calls end; one count for each, after its ack.</summary>
internal sealed class CallEnds(QueueWorkerOptions options, Metrics metrics)
{
    public void Count(FunctionName function, CallEnd end) => metrics.Ends.WithLabels(options.Queue, function.ToString(), end.Word).Inc();
}
