using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Confluent.Kafka;
using Connectors.Kafka.Client;

namespace Connectors.Kafka.Committing;

/// <summary>
/// The group's committed offsets, each with the note that Kafka keeps beside it (the protocol's <c>metadata</c>). The client's library has it, its .NET
/// face does not show it, so these two requests are made with the face's own bindings to the library.
/// </summary>
/// <param name="consumer">The client.</param>
/// <param name="seen">Where it is noted of which partitions there are any; null where nobody asks for that.</param>
internal sealed class GroupOffsets(IConsumer<byte[]?, byte[]?> consumer, SeenCommits? seen)
{
    /// <summary>Asks for them. Throws <see cref="KafkaException"/> if there is no answer; an error of one partition is told with it.</summary>
    public IReadOnlyList<CommittedOffset> Read(IReadOnlyCollection<TopicPartition> partitions, TimeSpan limit)
    {
        using var list = new PartitionList(partitions.Count);
        List<nint> elements = [.. partitions.Select(list.Add)];
        Check(consumer.Handle, handle => Committed(null, handle, list.Pointer, (nint)limit.TotalMilliseconds));
        List<CommittedOffset> found = [.. partitions.Zip(elements, (name, element) => From(name, Marshal.PtrToStructure<Element>(element)))];
        seen?.Add(found.Where(c => c.IsThere).Select(c => c.Name));
        return found;
    }

    /// <summary>Commits them and waits for the answer. Throws <see cref="KafkaException"/> if it is no for any of them; the others may be stored.</summary>
    public void Write(IReadOnlyCollection<CommittedOffset> offsets)
    {
        using var list = new PartitionList(offsets.Count);
        foreach (var offset in offsets)
        {
            var element = list.Add(offset.Name);
            var content = Marshal.PtrToStructure<Element>(element);
            content.Offset = offset.Offset;
            var note = Encoding.UTF8.GetBytes(offset.Note);
            if (note.Length > 0)
            {
                // The list frees it, with the C library's free, which is what this allocates for.
                content.Note = Marshal.AllocHGlobal(note.Length);
                content.NoteLength = (nuint)note.Length;
                Marshal.Copy(note, 0, content.Note, note.Length);
            }

            Marshal.StructureToPtr(content, element, fDeleteOld: false);
        }

        Check(consumer.Handle, handle => Commit(null, handle, list.Pointer, isAsync: false));
        seen?.Add(offsets.Select(c => c.Name));
    }

    private static CommittedOffset From(TopicPartition name, Element element) => new(name, element.Offset)
    {
        Note = element.Note == 0 ? "" : Marshal.PtrToStringUTF8(element.Note, (int)element.NoteLength),
        Error = element.Error == ErrorCode.NoError ? null : new Error(element.Error),
    };

    private static void Check(Handle client, Func<nint, ErrorCode> request)
    {
        if (BrokerQuery.Held(client, request) is not ErrorCode.NoError and var code)
        {
            throw new KafkaException(code);
        }
    }

    private const string Bindings = "Confluent.Kafka.Impl.Librdkafka, Confluent.Kafka";

    [UnsafeAccessor(UnsafeAccessorKind.StaticMethod, Name = "commit")]
    private static extern ErrorCode Commit([UnsafeAccessorType(Bindings)] object? bindings, nint client, nint offsets, bool isAsync);

    [UnsafeAccessor(UnsafeAccessorKind.StaticMethod, Name = "committed")]
    private static extern ErrorCode Committed([UnsafeAccessorType(Bindings)] object? bindings, nint client, nint partitions, nint milliseconds);

    /// <summary>A list of the library's. Its elements stay where they are, for it is made with room for all of them.</summary>
    private sealed class PartitionList(int capacity) : IDisposable
    {
        public nint Pointer { get; } = New(null, capacity);

        public nint Add(TopicPartition name) => Add(null, Pointer, name.Topic, name.Partition.Value);

        public void Dispose() => Destroy(null, Pointer);

        [UnsafeAccessor(UnsafeAccessorKind.StaticMethod, Name = "topic_partition_list_new")]
        private static extern nint New([UnsafeAccessorType(Bindings)] object? bindings, nint capacity);

        [UnsafeAccessor(UnsafeAccessorKind.StaticMethod, Name = "topic_partition_list_add")]
        private static extern nint Add([UnsafeAccessorType(Bindings)] object? bindings, nint list, string topic, int partition);

        [UnsafeAccessor(UnsafeAccessorKind.StaticMethod, Name = "topic_partition_list_destroy")]
        private static extern void Destroy([UnsafeAccessorType(Bindings)] object? bindings, nint list);
    }

    // rd_kafka_topic_partition_t of librdkafka's public header rdkafka.h.
    [StructLayout(LayoutKind.Sequential)]
    private struct Element
    {
        public nint Topic;
        public int Partition;
        public long Offset;
        public nint Note;
        public nuint NoteLength;
        public nint Opaque;
        public ErrorCode Error;
        public nint Private;
    }
}

/// <summary>What a group has committed of a partition.</summary>
/// <param name="Name">The partition.</param>
/// <param name="Offset">The offset at which the group goes on; negative for nothing committed.</param>
internal sealed record CommittedOffset(TopicPartition Name, long Offset)
{
    /// <summary>Whether there is one.</summary>
    public bool IsThere => Error is null && Offset >= 0;

    /// <summary>What was noted with it; empty for nothing.</summary>
    public string Note { get; init; } = "";

    /// <summary>Why it is not known; null if it is.</summary>
    public Error? Error { get; init; }
}
