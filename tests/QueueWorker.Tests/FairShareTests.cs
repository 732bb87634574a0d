using Connectors.QueueWorker.Consuming;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.QueueWorker.Tests;

public sealed class FairShareTests
{
    [Theory]
    [InlineData(10, 0, 10)]
    [InlineData(10, 1, 10)]
    [InlineData(10, 2, 6)]
    [InlineData(10, 3, 5)]
    [InlineData(50, 1000, 2)]
    [InlineData(1, 5, 1)]
    public void One_alone_has_all_and_many_have_a_little_more_than_their_part(int slots, int active, int max) =>
        Assert.Equal(max, FairShare.Max(slots, active));

    [Theory]
    [InlineData(10, 0, 10, 10, 10)]
    [InlineData(10, 4, 10, 3, 3)]
    [InlineData(10, 4, 10, 0, 2)]
    [InlineData(2, 9, 10, 1, 1)]
    [InlineData(2, 9, 10, 5, 2)]
    [InlineData(2, 9, 10, -1, 1)]
    [InlineData(10, 0, 3, 10, 3)]
    public void Free_slots_are_divided_among_those_that_wait_by_whole_shares(int free, int ready, int room, int share, int now) =>
        Assert.Equal(now, FairShare.Now(free, ready, room, share));

    [Theory]
    [InlineData("", 2166136261)]
    [InlineData("a", 3826002220)]
    [InlineData("foobar", 3214735720)]
    public void Partitions_are_by_the_published_vectors_of_fnv_1a(string text, uint hash) => Assert.Equal(hash, Partition.Hash(text));

    [Fact]
    public void Every_function_is_in_exactly_one_partition()
    {
        var functions = Enumerable.Range(0, 200).Select(i => new FunctionName($"f{i}", "ns")).ToList();

        Assert.All(functions, f => Assert.Single(Enumerable.Range(0, 7), p => new Partition(7, p).Serves(f)));
        Assert.All(Enumerable.Range(0, 7), p => Assert.Contains(functions, f => new Partition(7, p).Serves(f)));
    }
}
