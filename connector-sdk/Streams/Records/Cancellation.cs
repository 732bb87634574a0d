using System.Globalization;
using System.Text;

namespace Connectors.Streams.Records;

/// <summary>
/// The wish that a call ends unrun: a value of the bucket <c>OF_cancelled</c>, whose key is the call id. An id may be used again, so a cancellation is of the
/// calls that were there when it was made, not of the id.
/// </summary>
/// <param name="At">When it was made.</param>
public readonly record struct Cancellation(DateTimeOffset At)
{
    // Clocks of several gateways differ, and a caller may cancel before the answer to its own accept arrives.
    private static readonly TimeSpan Tolerance = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Whether it is of a call: one that was submitted before it, or within a second after. A redrive submits a call anew, and seldom without knowing of the
    /// cancellation: what was put back after it is never meant.
    /// </summary>
    public bool Covers(Envelope call) => call.Submitted - At <= (call.Redrive == 0 ? Tolerance : TimeSpan.Zero);

    /// <summary>Writes the bucket's value.</summary>
    public byte[] Encode() => Encoding.ASCII.GetBytes(At.ToString("O", CultureInfo.InvariantCulture));

    /// <summary>Reads a value; one that holds no time counts from when the bucket took it.</summary>
    public static Cancellation Decode(ReadOnlySpan<byte> value, DateTimeOffset stored) =>
        DateTimeOffset.TryParseExact(Encoding.ASCII.GetString(value), "O", CultureInfo.InvariantCulture, DateTimeStyles.None, out var at) ? new(at) : new(stored);
}
