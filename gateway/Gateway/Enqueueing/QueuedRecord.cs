using Connectors.Streams.Nats;

namespace Connectors.Gateway.Enqueueing;

/// <summary>A record of a call that is about to be stored, as one accept writes it. No other accept's is the same byte for byte: it names a time to the tick.</summary>
/// <param name="key">Its key.</param>
/// <param name="value">What is written.</param>
internal sealed class QueuedRecord(string key, byte[] value)
{
    public string Key => key;

    public byte[] Value => value;

    /// <summary>The revision that it has; null while it is not known to be stored.</summary>
    public ulong? Revision { get; private set; }

    /// <summary>Whether it may be stored: no answer came.</summary>
    public bool IsOpen { get; private set; }

    /// <summary>The revision that it is written over; 0 for none.</summary>
    public ulong Over { get; private set; }

    /// <summary>The result of an earlier call of this id, which it is written over; null for none.</summary>
    public byte[]? Earlier { get; private set; }

    /// <summary>
    /// Whether it is written over that of another accept, which is being stored too, or failing. It is no longer that one's to take back, nor this one's.
    /// </summary>
    public bool IsOfOthers { get; private set; }

    /// <summary>Whether it is what an entry has.</summary>
    public bool IsIn(BucketEntry entry) => entry.Value.AsSpan().SequenceEqual(value);

    /// <summary>It is being written, over something or where nothing is.</summary>
    public void Begin(ulong over, byte[]? earlier, bool isOfOthers) => (IsOpen, Over, Earlier, IsOfOthers) = (true, over, earlier, isOfOthers);

    /// <summary>It is stored.</summary>
    public void Stored(ulong revision) => (IsOpen, Revision) = (false, revision);

    /// <summary>It is not stored.</summary>
    public void Refused() => IsOpen = false;
}
