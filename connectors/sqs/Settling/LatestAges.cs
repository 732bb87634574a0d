namespace Connectors.Sqs.Settling;

/// <summary>
/// How old the oldest message was that came within the last minute, when it came. It is kept in two halves of a minute: the present one fills, the one before
/// is forgotten when that is full, so that what came is remembered for half a minute to a whole one.
/// </summary>
internal sealed class LatestAges(TimeProvider time)
{
    private static readonly TimeSpan Half = TimeSpan.FromSeconds(30);

    private readonly Lock _gate = new();
    private readonly long _begun = time.GetTimestamp();
    private long _half;
    private TimeSpan _present;
    private TimeSpan _before;

    public void Add(TimeSpan age)
    {
        lock (_gate)
        {
            Turn();
            _present = age > _present ? age : _present;
        }
    }

    /// <summary>Zero if nothing came.</summary>
    public TimeSpan Max()
    {
        lock (_gate)
        {
            Turn();
            return _present > _before ? _present : _before;
        }
    }

    private void Turn()
    {
        var half = (long)(time.GetElapsedTime(_begun) / Half);
        if (half != _half)
        {
            _before = half == _half + 1 ? _present : TimeSpan.Zero;
            (_present, _half) = (TimeSpan.Zero, half);
        }
    }
}
