using System.Globalization;

namespace Connectors.Faults.Tests;

/// <summary>A dead letter as it lies in its stream.</summary>
internal sealed record DeadLetter(ulong Sequence, DateTimeOffset Stored, string MessageId, string Subject, string Envelope)
{
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"sequence {Sequence}, id {MessageId}, stored {Stored.UtcDateTime:HH:mm:ss.fff}");
}
