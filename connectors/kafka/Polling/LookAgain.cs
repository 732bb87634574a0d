using Confluent.Kafka;
using Connectors.Kafka.Client;

namespace Connectors.Kafka.Polling;

/// <summary>
/// Asks again, from time to time and beside the poll thread, where those partitions begin for which the brokers did not say. Belongs to the poll thread.
/// </summary>
internal sealed class LookAgain(StartingOffsets starts, TimeProvider time)
{
    // The client's end waits for it.
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(2);

    // The look that is under way, and what it is about: not those that were taken away meanwhile.
    private Task<IReadOnlyList<StartingOffset>>? _look;
    private readonly HashSet<TopicPartition> _about = [];
    private long _looked;
    private int _turn;

    /// <summary>The brokers were asked in this moment.</summary>
    public void Rest() => _looked = time.GetTimestamp();

    /// <summary>It was taken away: what is found for it is of no use.</summary>
    public void Remove(TopicPartition name) => _about.Remove(name);

    /// <summary>What was found since; none while a look is under way.</summary>
    public IReadOnlyList<StartingOffset> Take()
    {
        if (_look is not { IsCompleted: true } look)
        {
            return [];
        }

        _look = null;
        Rest();
        return [.. look.GetAwaiter().GetResult().Where(start => start.IsKnown && _about.Contains(start.Name))];
    }

    /// <summary>Looks at those that are still unknown, unless a look is under way or the last one was not long ago.</summary>
    public void At(IEnumerable<TopicPartition> unknown)
    {
        if (_look is not null || time.GetElapsedTime(_looked) < Every || unknown.ToList() is not { Count: > 0 } all)
        {
            return;
        }

        // Each in its turn among the first, for the last may have none.
        var first = _turn % all.Count;
        _turn += StartingOffsets.MaxAsked;
        all = [.. all.Skip(first), .. all.Take(first)];
        _about.Clear();
        _about.UnionWith(all);
        _look = Blocking.RunAsync(() => starts.Find(all, Limit), "kafka-look");
    }

    /// <summary>Waits for the look that is under way: a client must not be closed under it.</summary>
    public void End() => ((Task?)_look ?? Task.CompletedTask).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing).GetAwaiter().GetResult();
}
