namespace Connectors.Gateway.History;

/// <summary>
/// What can be searched for in one queue's history: 32 bytes for each line, in the order of the stream. Words are kept as hashes of this process; what is found
/// by them is read, and compared, before it is shown.
/// </summary>
internal sealed class QueueIndex
{
    private const int BlockSize = 2048;

    // As many queues have a history as functions have a queue of their own, and most of them are short.
    private const int FirstSize = 16;

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

    /// <summary>Adds the newest lines that seem to match to those of other queues.</summary>
    /// <param name="queue">This queue.</param>
    /// <param name="filter">What is looked for.</param>
    /// <param name="newest">Gathers them.</param>
    public void Find(string queue, IndexFilter filter, NewestLines newest)
    {
        lock (_lock)
        {
            for (var b = _blocks.Count - 1; b >= 0; b--)
            {
                var block = _blocks[b];
                if (block.Latest < filter.Since || !newest.HasRoom(block.Latest))
                {
                    return;
                }

                if (newest.IsBehind(block.Earliest))
                {
                    Find(queue, block, filter, newest);
                }
            }
        }
    }

    private static void Find(string queue, Block block, IndexFilter filter, NewestLines newest)
    {
        for (var i = block.Count - 1; i >= block.Start; i--)
        {
            ref readonly var entry = ref block.Entries[i];
            if (newest.HasRoom(entry.Ended) && filter.Matches(entry, block.Tags))
            {
                newest.Add(new IndexedLine(queue, new Place(entry), entry.Ended));
            }
        }
    }

    private void AddLine(Place place, ReadOnlySpan<byte> line)
    {
        if (line.IsEmpty || !Sketch.TryRead(line, out var sketch))
        {
            return;
        }

        if (_blocks is not [.., { Count: < BlockSize } block])
        {
            _blocks.Add(block = new Block(_blocks is [.., var before] ? before.Latest : long.MinValue));
        }

        block.Add(new Entry
        {
            Seq = place.Seq,
            Line = place.Line,
            Ended = sketch.Ended,
            Call = sketch.Call,
            Function = sketch.Function,
            State = sketch.State,
            Tags = block.Tags.Count,
            TagCount = (byte)sketch.TagCount,
        });
        block.Tags.AddRange(sketch.Tags[..sketch.TagCount]);
        _count++;
    }

    /// <summary>Some lines, in the order of the stream.</summary>
    /// <param name="latest">When the latest of the calls before them ended.</param>
    private sealed class Block(long latest)
    {
        private Entry[] _entries = new Entry[FirstSize];

        public Entry[] Entries => _entries;

        public List<int> Tags { get; } = [];

        public int Start { get; set; }

        public int Count { get; private set; }

        /// <summary>When the first of their calls ended.</summary>
        public long Earliest { get; private set; } = long.MaxValue;

        /// <summary>When the last of their calls ended, and of all before: workers write side by side, and nearly in the order of the ends.</summary>
        public long Latest { get; private set; } = latest;

        public void Add(in Entry entry)
        {
            if (Count == _entries.Length)
            {
                Array.Resize(ref _entries, Count * 2);
            }

            _entries[Count++] = entry;
            Earliest = Math.Min(Earliest, entry.Ended);
            Latest = Math.Max(Latest, entry.Ended);
        }
    }
}

/// <summary>Where a line stands: its message, and its number there. Later lines are greater.</summary>
internal readonly record struct Place(ulong Seq, ushort Line)
{
    public Place(in Entry entry)
        : this(entry.Seq, entry.Line)
    {
    }

    public static bool operator <(Place left, Place right) => left.Seq < right.Seq || (left.Seq == right.Seq && left.Line < right.Line);

    public static bool operator >(Place left, Place right) => right < left;

    public static bool operator >=(Place left, Place right) => !(left < right);

    public static bool operator <=(Place left, Place right) => !(right < left);
}

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
