namespace Connectors.Kafka.Tests;

/// <summary>The clocks of a machine: that of the wall may be set, and of that which counts from its start time may have passed. Its timers run as they should.</summary>
internal sealed class MovableClock : TimeProvider
{
    private long _ahead;
    private long _passed;

    /// <summary>By how much the clock of the wall is ahead of the right time.</summary>
    public TimeSpan Ahead
    {
        get => TimeSpan.FromTicks(Interlocked.Read(ref _ahead));
        set => Interlocked.Exchange(ref _ahead, value.Ticks);
    }

    /// <summary>So much time has passed, and the clock of the wall was not set.</summary>
    public void Pass(TimeSpan time) => Interlocked.Add(ref _passed, (long)(time.TotalSeconds * TimestampFrequency));

    public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + Ahead;

    public override long GetTimestamp() => System.GetTimestamp() + Interlocked.Read(ref _passed);
}
