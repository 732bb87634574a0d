using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Connectors.Streams.Records;

namespace Connectors.QueueWorker.Dispatching;

/// <summary>
/// Which call ids were cancelled, and when. As a rule anybody may cancel any id, so there may be hundreds of thousands, of which hardly one is ever met: each
/// takes 128 bits of its hash and a time.
/// </summary>
internal sealed class CancelledIds
{
    // Guards what follows: the watch changes it, and each call that is sent asks.
    private readonly Lock _lock = new();
    private readonly Dictionary<(ulong, ulong), long> _made = [];

    /// <summary>How many are known.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _made.Count;
            }
        }
    }

    /// <summary>Whether a call is cancelled by its id.</summary>
    public bool Covers(Envelope call)
    {
        var id = Hash(StreamNames.Token(call.CallId));
        lock (_lock)
        {
            return _made.TryGetValue(id, out var ticks) && new Cancellation(new DateTimeOffset(ticks, TimeSpan.Zero)).Covers(call);
        }
    }

    /// <summary>Takes one in, in place of what had its key. False if it was known just so.</summary>
    public bool Set(string key, Cancellation made)
    {
        var id = Hash(key);
        lock (_lock)
        {
            ref var ticks = ref CollectionsMarshal.GetValueRefOrAddDefault(_made, id, out var isKnown);
            var isNew = !isKnown || ticks != made.At.UtcTicks;
            ticks = made.At.UtcTicks;
            return isNew;
        }
    }

    /// <summary>One is no more.</summary>
    public void Remove(string key)
    {
        var id = Hash(key);
        lock (_lock)
        {
            _made.Remove(id);
        }
    }

    /// <summary>Drops those that were made before a time. Looks at all of them.</summary>
    public void Forget(DateTimeOffset before)
    {
        lock (_lock)
        {
            foreach (var (id, ticks) in _made)
            {
                if (ticks < before.UtcTicks)
                {
                    _made.Remove(id);
                }
            }
        }
    }

    private static (ulong, ulong) Hash(string key)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes(key), hash);
        return (BinaryPrimitives.ReadUInt64LittleEndian(hash), BinaryPrimitives.ReadUInt64LittleEndian(hash[sizeof(ulong)..]));
    }
}
