namespace Connectors.Gateway.Queues;

/// <summary>For how long calls have waited in each queue without any being taken. Pure: looks come from outside, with their time.</summary>
/// <param name="patience">After how long it is worth a word.</param>
internal sealed class StalledQueues(TimeSpan patience)
{
    private readonly Dictionary<string, Since> _since = [];

    /// <summary>A look at a queue.</summary>
    /// <param name="queue">The queue.</param>
    /// <param name="isTaken">Whether no call waits, or calls are taken.</param>
    /// <param name="now">The time since a moment that stays the same: of a clock that nobody sets.</param>
    public StalledLook See(string queue, bool isTaken, TimeSpan now)
    {
        var wasKnown = _since.TryGetValue(queue, out var since);
        if (isTaken)
        {
            _since.Remove(queue);
            return new StalledLook(TimeSpan.Zero, wasKnown && since.IsTold ? StalledNews.Moving : StalledNews.None);
        }

        var from = wasKnown ? since.From : now;
        var isLong = now - from >= patience;
        _since[queue] = new Since(from, isLong);
        return new StalledLook(now - from, isLong && !since.IsTold ? StalledNews.Stalled : StalledNews.None);
    }

    private readonly record struct Since(TimeSpan From, bool IsTold);
}

/// <summary>What a look at a queue tells.</summary>
/// <param name="For">For how long calls have waited untaken; zero if they are taken.</param>
/// <param name="News">What is worth a line in the log.</param>
internal readonly record struct StalledLook(TimeSpan For, StalledNews News);

/// <summary>What is new about a queue.</summary>
internal enum StalledNews
{
    None,
    Stalled,
    Moving,
}
