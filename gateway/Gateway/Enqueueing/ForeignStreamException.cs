namespace Connectors.Gateway.Enqueueing;

/// <summary>A stream of our name that somebody made otherwise: calls stored there would not be calls. The message names the field and the fix.</summary>
internal sealed class ForeignStreamException(string stream, string field, string found, string wanted)
    : Exception($"The stream {stream} has {field} {found} instead of {wanted}. Delete it (nats stream rm {stream}) or choose another queue.");
