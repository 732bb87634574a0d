using System.Globalization;
using Confluent.Kafka;
using Connectors.Kafka.Ordering;
using Connectors.Kafka.Records;
using Connectors.Sdk.Events;
using Microsoft.Extensions.Time.Testing;

namespace Connectors.Kafka.Tests.Ordering;

/// <summary>What all partitions together may hold in memory.</summary>
public class HeldBytesTests
{
    private const long Quarter = Backlog.MaxHeldBytes / 4;

    // GENERATED_CASES=20000 for more.
    private static readonly int Cases = int.Parse(Environment.GetEnvironmentVariable("GENERATED_CASES") ?? "300", CultureInfo.InvariantCulture);

    private readonly FakeTimeProvider _time = new();

    [Fact]
    public async Task With_enough_bytes_of_all_those_that_hold_any_are_paused_and_resumed_when_half_is_free()
    {
        var backlog = Create();
        var partitions = Open(backlog, 4);
        Assert.All(partitions.Take(3), partition => Assert.False(Add(backlog, partition, 0, Quarter)));
        Assert.False(Add(backlog, partitions[3], 0, Quarter - 1));
        Assert.True(Add(backlog, partitions[3], 1, 1));
        Assert.All(partitions.Take(3), partition => Assert.True(Add(backlog, partition, 1, 1)));
        var records = await OutAsync(backlog, 8);

        backlog.Done(records.Single(record => record.Partition == partitions[0] && record.Offset == 0));

        // It holds less than its part.
        Assert.Same(partitions[0], Assert.Single(backlog.TakeResumable()));
        backlog.Done(records.Single(record => record.Partition == partitions[3] && record.Offset == 0));
        Assert.Same(partitions[3], Assert.Single(backlog.TakeResumable()));
        backlog.Done(records.Single(record => record.Partition == partitions[1] && record.Offset == 0));

        // The third is among them, which holds what it held.
        Assert.Equal(partitions[1..3], backlog.TakeResumable().OrderBy(partition => partition.Name.Partition.Value));
        Assert.Equal(Quarter + 4, backlog.HeldBytes);
    }

    [Fact]
    public async Task One_has_its_part_whatever_the_others_hold_and_a_record_larger_than_that_if_it_holds_nothing()
    {
        var backlog = Create();
        var partitions = Open(backlog, 2);
        Assert.True(Add(backlog, partitions[0], 0, Backlog.MaxHeldBytes));
        var large = Assert.Single(await OutAsync(backlog, 1));

        // What is blocked in it takes little, and others go on beside that.
        const long part = Backlog.MaxOfParts / 2;
        for (var offset = 0; offset < 3; offset++)
        {
            Assert.False(Add(backlog, partitions[1], offset, part / 4));
        }

        Assert.True(Add(backlog, partitions[1], 3, part / 4));
        Assert.Empty(backlog.TakeResumable());
        foreach (var record in (await OutAsync(backlog, 4)).Take(2))
        {
            backlog.Done(record);
        }

        Assert.Same(partitions[1], Assert.Single(backlog.TakeResumable()));

        backlog.Done(large);
        Assert.Same(partitions[0], Assert.Single(backlog.TakeResumable()));
        Assert.Equal(part / 2, backlog.HeldBytes);
    }

    [Fact]
    public async Task What_a_partition_held_makes_room_once_when_it_goes()
    {
        var backlog = Create();
        var partitions = Open(backlog, 2);
        Assert.All(Enumerable.Range(0, 3), offset => Assert.False(Add(backlog, partitions[0], offset, Quarter)));
        var records = await OutAsync(backlog, 2);
        backlog.Nak(records[1], TimeSpan.FromHours(1));
        Assert.True(Add(backlog, partitions[1], 0, Quarter));

        // One of its records is out, one backs off, one waits.
        backlog.Close(partitions[0]);
        backlog.Remove(partitions[0]);
        Assert.Equal(2 * Quarter, backlog.HeldBytes);
        Assert.Same(partitions[1], Assert.Single(backlog.TakeResumable()));

        backlog.Nak(records[0], TimeSpan.FromHours(1));
        Assert.Equal(Quarter, backlog.HeldBytes);
        backlog.Clear();
        Assert.Equal(0, backlog.HeldBytes);
    }

    [Fact]
    public async Task Whatever_comes_and_goes_the_sum_is_what_is_held_and_nobody_is_left_standing()
    {
        for (var seed = 1; seed <= Cases; seed++)
        {
            await RunAsync(new Random(seed));
        }
    }

    private async Task RunAsync(Random random)
    {
        const int most = 16 << 20;
        var backlog = Create(random.Next(2) == 0 ? 4 : 256);
        var (ours, outside, held, next) = (Open(backlog, random.Next(1, 6)), new List<InFlight>(), new HashSet<InFlight>(), 0L);
        for (var step = 0; step < 200; step++)
        {
            switch (random.Next(12))
            {
                case < 5 when ours.Where(p => !p.IsPaused).ToList() is { Count: > 0 } open:
                    var read = Record(open[random.Next(open.Count)], next++, random.Next(8) == 0 ? 0 : random.Next(most), $"k{random.Next(3)}");
                    held.Add(read);
                    Assert.Equal(backlog.Add(read), read.Partition.IsPaused);
                    break;
                case < 8 when await TryNextAsync(backlog) is { } started:
                    outside.Add(started);
                    break;
                case < 10 when outside.Count > 0:
                    var settled = outside[random.Next(outside.Count)];
                    outside.Remove(settled);
                    if (Settle(settled))
                    {
                        held.Remove(settled);
                    }

                    break;
                case 10 when ours.Count > 0 && random.Next(4) == 0:
                    var leaving = ours[random.Next(ours.Count)];
                    ours.Remove(leaving);
                    backlog.Close(leaving);
                    backlog.Remove(leaving);
                    held.RemoveWhere(r => r.Partition == leaving && !outside.Contains(r));
                    break;
                case 11 when random.Next(4) == 0:
                    ours.AddRange(Open(backlog, 1));
                    break;
                case 11 when random.Next(20) == 0:
                    backlog.Clear();
                    ours.Clear();
                    held.IntersectWith(outside);
                    break;
                default:
                    _time.Advance(TimeSpan.FromSeconds(1));
                    break;
            }

            Assert.Equal(held.Sum(r => r.Bytes), backlog.HeldBytes);
            Assert.True(backlog.HeldBytes < Backlog.MaxHeldBytes + Backlog.MaxOfParts + ((long)most * held.Select(r => r.Partition).Distinct().Count()));
            backlog.TakeResumable();
            Assert.All(ours.Where(MayRead), p => Assert.False(p.IsPaused));
        }

        while (held.Count > 0)
        {
            while (await TryNextAsync(backlog) is { } started)
            {
                outside.Add(started);
            }

            outside.ForEach(r => backlog.Done(r));
            held.ExceptWith(outside);
            outside.Clear();
            Assert.Equal(held.Sum(r => r.Bytes), backlog.HeldBytes);
            _time.Advance(TimeSpan.FromSeconds(10));
        }

        backlog.TakeResumable();
        Assert.All(ours, p => Assert.False(p.IsPaused));

        // Whether it is in memory no more.
        bool Settle(InFlight record)
        {
            if (random.Next(3) > 0)
            {
                backlog.Done(record);
                return true;
            }

            backlog.Nak(record, TimeSpan.FromSeconds(random.Next(5)));
            return !ours.Contains(record.Partition);
        }

        bool MayRead(AssignedPartition partition) =>
            held.Count(r => r.Partition == partition) is var count && (count == 0 || (count <= 2 && backlog.HeldBytes <= Backlog.MaxHeldBytes / 2));
    }

    // Of one partition as many bytes as there are: what all hold is at issue.
    private Backlog Create(int buffer = 256) =>
        new(new OrderingOptions { Concurrency = Concurrency.None, PartitionBuffer = buffer, PartitionBufferBytes = 1 << 30 }, _time);

    private static List<AssignedPartition> Open(Backlog backlog, int count)
    {
        var partitions = Enumerable.Range(0, count).Select(number => new AssignedPartition(new TopicPartition("t", number), 0, 0)).ToList();
        partitions.ForEach(backlog.Open);
        return partitions;
    }

    private bool Add(Backlog backlog, AssignedPartition partition, long offset, long bytes) => backlog.Add(Record(partition, offset, bytes, lane: null));

    private InFlight Record(AssignedPartition partition, long offset, long bytes, string? lane) => new()
    {
        Partition = partition,
        Offset = offset,
        Lane = lane,
        Message = new Message<byte[]?, byte[]?>(),
        Bytes = bytes,
        Event = new Event { Id = $"{offset}", Topic = "t" },
        Identity = new LastRecord(offset, 0),
        ReadAt = _time.GetTimestamp(),
    };

    private static async Task<List<InFlight>> OutAsync(Backlog backlog, int count)
    {
        var records = new List<InFlight>();
        while (records.Count < count)
        {
            records.Add(await backlog.NextAsync(CancellationToken.None));
        }

        return records;
    }

    private static async Task<InFlight?> TryNextAsync(Backlog backlog)
    {
        using var now = new CancellationTokenSource();
        var next = backlog.NextAsync(now.Token);
        if (next.IsCompletedSuccessfully)
        {
            return await next;
        }

        await now.CancelAsync();
        return null;
    }
}
