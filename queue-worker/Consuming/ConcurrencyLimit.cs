namespace Connectors.QueueWorker.Consuming;

/// <summary>
/// Learns how many calls a function takes at once: starts at one, doubles while it is not refused, falls to just under what was found when it is, and
/// then probes one more now and then, quicker after a probe that went well, slower after one that did not. Pure: no clock, no randomness.
/// </summary>
/// <param name="max">The limit is never above this.</param>
internal sealed class ConcurrencyLimit(int max)
{
    // A failed probe costs about one refusal, so one in so many successes at least.
    private const int MinPatience = 20;
    private const int MaxPatience = 320;

    private bool _isFound;
    private int _patience = MinPatience;
    private int _step = 1;
    private int _sinceChange;

    /// <summary>How many calls may run at once.</summary>
    public int Current { get; private set; } = 1;

    /// <summary>A call was taken.</summary>
    /// <param name="running">How many ran, this one included: only a limit that binds is tested by success.</param>
    public void Took(int running)
    {
        if (running < Current || Current >= max)
        {
            return;
        }

        _sinceChange++;
        if (!_isFound)
        {
            Raise(1);
        }
        else if (_sinceChange >= Math.Max(_patience, Current))
        {
            // The last probe, if there was one, held for that long: go on faster.
            _patience = MinPatience;
            Raise(_step);
            _step *= 2;
        }
    }

    /// <summary>A call was refused for want of room.</summary>
    /// <param name="running">How many ran, this one included.</param>
    public void Refused(int running)
    {
        var under = Math.Max(1, running - 1);
        if (under >= Current)
        {
            return;
        }

        // One step above what was known is a probe; anything else is news, which is worth a quick second look.
        _patience = _isFound && Current - under <= 1 ? Math.Min(MaxPatience, _patience * 2) : MinPatience;
        Current = under;
        _isFound = true;
        _step = 1;
        _sinceChange = 0;
    }

    private void Raise(int by)
    {
        Current = Math.Min(max, Current + by);
        _sinceChange = 0;
    }
}
