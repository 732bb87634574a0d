namespace Connectors.Cron.Cursors;

/// <summary>
/// The ticks that this replica is claiming, or is at with a claim; and those whose claim could not be written as far as it heard, and may stand all the same.
/// Nothing was called for one of these: whoever comes to it again is the first.
/// </summary>
internal sealed class OwnClaims
{
    // As many as there can be slots: what has been in doubt for longer was claimed since, or is past.
    private const int MaxDoubted = 10_000;

    // Guards both; a tick is in one of them at most.
    private readonly Lock _gate = new();
    private readonly HashSet<(string Key, DateTimeOffset Due)> _held = [];
    private readonly HashSet<(string Key, DateTimeOffset Due)> _doubted = [];

    /// <summary>Begins to claim a tick. False if somebody here is at it.</summary>
    /// <param name="key">The key of its cursor.</param>
    /// <param name="due">The tick.</param>
    /// <param name="wasDoubted">Whether an earlier claim of it may stand.</param>
    public bool TryBegin(string key, DateTimeOffset due, out bool wasDoubted)
    {
        lock (_gate)
        {
            wasDoubted = _doubted.Remove((key, due));
            return _held.Add((key, due));
        }
    }

    /// <summary>The tick is not ours, or its call has come to its end.</summary>
    public void End(string key, DateTimeOffset due)
    {
        lock (_gate)
        {
            _held.Remove((key, due));
            _doubted.Remove((key, due));
        }
    }

    /// <summary>Whether the claim was written is not known.</summary>
    public void Doubt(string key, DateTimeOffset due)
    {
        lock (_gate)
        {
            _held.Remove((key, due));
            if (_doubted.Count >= MaxDoubted)
            {
                _doubted.Remove(_doubted.MinBy(one => one.Due));
            }

            _doubted.Add((key, due));
        }
    }

    /// <summary>Whether a tick is being claimed here, or somebody here is at it.</summary>
    public bool IsHeld(string key, DateTimeOffset due)
    {
        lock (_gate)
        {
            return _held.Contains((key, due));
        }
    }

    /// <summary>Whether a claim of a tick may stand for which nothing was called.</summary>
    public bool IsDoubted(string key, DateTimeOffset due)
    {
        lock (_gate)
        {
            return _doubted.Contains((key, due));
        }
    }
}
