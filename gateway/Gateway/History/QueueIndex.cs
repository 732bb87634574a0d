using System.Text;
using System.Text.Json;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.Gateway.History;

/// <summary>
/// What can be searched for in one queue's history: 32 bytes for each line, in the order of the stream. Words are kept as hashes of this process; what is found
/// by them is read, and compared, before it is shown.
/// </summary>
internal sealed class QueueIndex
{
    private const int BlockSize = 2048;

    // Guards everything: one follower writes, requests read.
    private readonly Lock _lock = new();
    private readonly List<Block> _blocks = [];
    private int _count;
    private ulong _lastSeq;

    /// <summary>Lines in it.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _count;
            }
        }
    }

    /// <summary>The last message that was taken in.</summary>
    public ulong LastSeq
    {
        get
        {
            lock (_lock)
            {
                return _lastSeq;
            }
        }
    }

    /// <summary>When the oldest line's call ended; null if there is none.</summary>
    public DateTimeOffset? OldestAt
    {
        get
        {
            lock (_lock)
            {
                return _count == 0 ? null : DateTimeOffset.FromUnixTimeMilliseconds(_blocks[0].Entries[_blocks[0].Start].Ended);
            }
        }
    }

    /// <summary>Takes a message in. A line that cannot be read is left out.</summary>
    public void Add(ulong seq, ReadOnlySpan<byte> lines)
    {
        lock (_lock)
        {
            if (seq <= _lastSeq)
            {
                return;
            }

            _lastSeq = seq;
            ushort number = 0;
            foreach (var range in lines.Split((byte)'\n'))
            {
                AddLine(new Place(seq, number), lines[range]);
                if (++number == ushort.MaxValue)
                {
                    return;
                }
            }
        }
    }

    /// <summary>Forgets what the stream does not hold any more.</summary>
    public void DropBefore(ulong firstSeq)
    {
        lock (_lock)
        {
            while (_blocks.Count > 0)
            {
                var block = _blocks[0];
                while (block.Start < block.Count && block.Entries[block.Start].Seq < firstSeq)
                {
                    block.Start++;
                    _count--;
                }

                if (block.Start < block.Count)
                {
                    return;
                }

                _blocks.RemoveAt(0);
            }
        }
    }

    /// <summary>Forgets the oldest some thousand lines.</summary>
    public void DropOldest()
    {
        lock (_lock)
        {
            if (_blocks.Count > 0)
            {
                _count -= _blocks[0].Count - _blocks[0].Start;
                _blocks.RemoveAt(0);
            }
        }
    }

    /// <summary>The newest lines that seem to match, newest first.</summary>
    /// <param name="below">Only those before this place.</param>
    /// <param name="filter">What is looked for.</param>
    /// <param name="max">At most so many.</param>
    public List<Found> Find(Place below, IndexFilter filter, int max)
    {
        var found = new List<Found>();
        lock (_lock)
        {
            for (var b = _blocks.Count - 1; b >= 0 && found.Count < max; b--)
            {
                var block = _blocks[b];
                if (new Place(block.Entries[block.Start]) >= below)
                {
                    continue;
                }

                for (var i = block.Count - 1; i >= block.Start && found.Count < max; i--)
                {
                    ref readonly var entry = ref block.Entries[i];
                    if (filter.Matches(entry, block.Tags) && new Place(entry) < below)
                    {
                        found.Add(new Found(new Place(entry), entry.Ended));
                    }
                }
            }
        }

        return found;
    }

    private void AddLine(Place place, ReadOnlySpan<byte> line)
    {
        if (line.IsEmpty || !Sketch.TryRead(line, out var sketch))
        {
            return;
        }

        if (_blocks is not [.., { Count: < BlockSize } block])
        {
            _blocks.Add(block = new Block(BlockSize));
        }

        block.Entries[block.Count++] = new Entry
        {
            Seq = place.Seq,
            Line = place.Line,
            Ended = sketch.Ended,
            Call = sketch.Call,
            Function = sketch.Function,
            State = sketch.State,
            Tags = block.Tags.Count,
            TagCount = (byte)sketch.TagCount,
        };
        block.Tags.AddRange(sketch.Tags[..sketch.TagCount]);
        _count++;
    }

    private sealed class Block(int size)
    {
        public Entry[] Entries { get; } = new Entry[size];

        public List<int> Tags { get; } = [];

        public int Start { get; set; }

        public int Count { get; set; }
    }
}

/// <summary>Where a line stands: its message, and its number there. Later lines are greater.</summary>
internal readonly record struct Place(ulong Seq, ushort Line)
{
    public Place(in Entry entry)
        : this(entry.Seq, entry.Line)
    {
    }

    /// <summary>Behind every line.</summary>
    public static Place End => new(ulong.MaxValue, ushort.MaxValue);

    public static bool operator <(Place left, Place right) => left.Seq < right.Seq || (left.Seq == right.Seq && left.Line < right.Line);

    public static bool operator >(Place left, Place right) => right < left;

    public static bool operator >=(Place left, Place right) => !(left < right);

    public static bool operator <=(Place left, Place right) => !(right < left);
}

/// <summary>A line that seems to match.</summary>
internal readonly record struct Found(Place Place, long Ended);

/// <summary>A line in the index.</summary>
internal struct Entry
{
    public ulong Seq;

    /// <summary>Unix milliseconds.</summary>
    public long Ended;

    /// <summary>Hashes.</summary>
    public int Call;
    public int Function;

    /// <summary>Where its block's tags hold its first.</summary>
    public int Tags;
    public ushort Line;
    public byte State;
    public byte TagCount;
}

/// <summary>What is looked for; null and zero stand for anything.</summary>
internal sealed record IndexFilter
{
    /// <summary>One bit for each of the states.</summary>
    public int States { get; init; } = Sketch.CallStates;

    public int? Function { get; init; }

    public int? Call { get; init; }

    public int? Tag { get; init; }

    /// <summary>Unix milliseconds, included.</summary>
    public long Since { get; init; } = long.MinValue;

    /// <summary>Unix milliseconds, not included.</summary>
    public long Until { get; init; } = long.MaxValue;

    public bool Matches(in Entry entry, List<int> tags) =>
        (States & (1 << entry.State)) != 0
        && (Function is null || Function == entry.Function)
        && (Call is null || Call == entry.Call)
        && entry.Ended >= Since
        && entry.Ended < Until
        && (Tag is not { } tag || tags.IndexOf(tag, entry.Tags, entry.TagCount) >= 0);
}

/// <summary>Of a line, what is searched for. Read as it comes, for at a start a million may be read.</summary>
internal ref struct Sketch
{
    /// <summary>The bits of all ends of calls.</summary>
    public const int CallStates = 0b1111;

    /// <summary>The bit of an end of a callback.</summary>
    public const int CallbackState = 1 << CallbackNumber;

    private const int CallbackNumber = 4;
    private const int MaxTags = 8;

    public long Ended;
    public int Call;
    public int Function;
    public byte State;
    public int TagCount;
    public int[] Tags;

    [ThreadStatic]
    private static int[]? _tags;

    /// <summary>The bit of a state; 0 for what is none of a call.</summary>
    public static int BitOf(string state)
    {
        var number = EndStates.OfCalls.ToList().IndexOf(state);
        return number < 0 ? 0 : 1 << number;
    }

    public static int HashOf(string text) => HashOf(Encoding.UTF8.GetBytes(text));

    public static int HashOf(FunctionName function) => HashCode.Combine(HashOf(function.Name), HashOf(function.Namespace));

    public static bool TryRead(ReadOnlySpan<byte> line, out Sketch sketch)
    {
        sketch = new Sketch { Tags = _tags ??= new int[MaxTags] };
        try
        {
            return TryReadObject(new Utf8JsonReader(line), ref sketch);
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException)
        {
            return false;
        }
    }

    private static bool TryReadObject(Utf8JsonReader reader, ref Sketch sketch)
    {
        int? name = null, ns = null;
        var (hasCall, hasState, hasEnded) = (false, false, false);
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
        {
            return false;
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("callId"u8))
            {
                hasCall = TryHash(ref reader, out sketch.Call);
            }
            else if (reader.ValueTextEquals("fn"u8))
            {
                name = TryHash(ref reader, out var hash) ? hash : null;
            }
            else if (reader.ValueTextEquals("ns"u8))
            {
                ns = TryHash(ref reader, out var hash) ? hash : null;
            }
            else if (reader.ValueTextEquals("state"u8))
            {
                hasState = TryState(ref reader, out sketch.State);
            }
            else if (reader.ValueTextEquals("ended"u8))
            {
                hasEnded = reader.Read() && reader.TokenType == JsonTokenType.String && reader.TryGetDateTimeOffset(out var ended);
                sketch.Ended = hasEnded ? reader.GetDateTimeOffset().ToUnixTimeMilliseconds() : 0;
            }
            else if (reader.ValueTextEquals("tags"u8))
            {
                ReadTags(ref reader, ref sketch);
            }
            else
            {
                reader.Read();
                reader.Skip();
            }
        }

        sketch.Function = name is { } first && ns is { } second ? HashCode.Combine(first, second) : 0;
        return hasCall && hasState && hasEnded && name is not null && ns is not null;
    }

    private static bool TryState(ref Utf8JsonReader reader, out byte state)
    {
        state = 0;
        if (!reader.Read() || reader.TokenType != JsonTokenType.String)
        {
            return false;
        }

        for (; state < EndStates.OfCalls.Count; state++)
        {
            if (reader.ValueTextEquals(EndStates.OfCalls[state]))
            {
                return true;
            }
        }

        state = CallbackNumber;
        return reader.ValueTextEquals(EndStates.Callback);
    }

    private static void ReadTags(ref Utf8JsonReader reader, ref Sketch sketch)
    {
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartArray)
        {
            reader.Skip();
            return;
        }

        while (TryHash(ref reader, out var hash))
        {
            if (sketch.TagCount < MaxTags)
            {
                sketch.Tags[sketch.TagCount++] = hash;
            }
        }

        // Not an array of texts: the rest of it is passed over.
        while (reader.TokenType != JsonTokenType.EndArray)
        {
            reader.Skip();
            if (!reader.Read())
            {
                return;
            }
        }
    }

    private static bool TryHash(ref Utf8JsonReader reader, out int hash)
    {
        hash = 0;
        if (!reader.Read() || reader.TokenType != JsonTokenType.String)
        {
            return false;
        }

        hash = reader.ValueIsEscaped ? HashOf(reader.GetString()!) : HashOf(reader.ValueSpan);
        return true;
    }

    private static int HashOf(ReadOnlySpan<byte> text)
    {
        var hash = default(HashCode);
        hash.AddBytes(text);
        return hash.ToHashCode();
    }
}
