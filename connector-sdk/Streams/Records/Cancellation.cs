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

    /// <summary>Whether it is of a call that was submitted then: before it, or within a second after.</summary>
    public bool Covers(DateTimeOffset submitted) => submitted - At <= Tolerance;

    /// <summary>Writes the bucket's value.</summary>
    public byte[] Encode() => Encoding.ASCII.GetBytes(At.ToString("O", CultureInfo.InvariantCulture));

    /// <summary>Reads a value; one that holds no time counts from when the bucket took it.</summary>
    public static Cancellation Decode(ReadOnlySpan<byte> value, DateTimeOffset stored) =>
        DateTimeOffset.TryParseExact(Encoding.ASCII.GetString(value), "O", CultureInfo.InvariantCulture, DateTimeStyles.None, out var at) ? new(at) : new(stored);
}
