using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.QueueWorker.Settling;

/// <summary>How a call ended.</summary>
/// <param name="Told">What its caller is told.</param>
/// <param name="Biography">What its dead letter tells; null if it succeeded.</param>
/// <param name="Kind">Which end the dead letter records.</param>
internal sealed record CallEnd(Outcome Told, Biography? Biography = null, DeadKind Kind = DeadKind.Call)
{
    /// <summary>The state of its stored result.</summary>
    public string State => Biography?.Reason ?? StoredResult.Succeeded;

    /// <summary>Its word in the metric: succeeded, dead, cancelled or expired.</summary>
    public string Word => Biography is null ? StoredResult.Succeeded : Kind == DeadKind.Call ? "dead" : Kind.ToString().ToLowerInvariant();
}
