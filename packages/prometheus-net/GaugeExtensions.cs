namespace Prometheus;

public static class GaugeExtensions
{
    /// <summary>Sets the gauge to now, in seconds since 1970.</summary>
    public static void SetToCurrentTimeUtc(this IGauge gauge) => gauge.Set(Seconds(DateTimeOffset.UtcNow));

    /// <summary>Sets the gauge to that time, in seconds since 1970.</summary>
    public static void SetToTimeUtc(this IGauge gauge, DateTimeOffset timestamp) => gauge.Set(Seconds(timestamp));

    /// <summary>As <see cref="SetToCurrentTimeUtc"/>, but never back.</summary>
    public static void IncToCurrentTimeUtc(this IGauge gauge) => gauge.IncTo(Seconds(DateTimeOffset.UtcNow));

    /// <summary>As <see cref="SetToTimeUtc"/>, but never back.</summary>
    public static void IncToTimeUtc(this IGauge gauge, DateTimeOffset timestamp) => gauge.IncTo(Seconds(timestamp));

    /// <summary>One more until the result is disposed.</summary>
    public static IDisposable TrackInProgress(this IGauge gauge)
    {
        ArgumentNullException.ThrowIfNull(gauge);
        gauge.Inc();
        return new InProgress(gauge);
    }

    private static double Seconds(DateTimeOffset time) => (time - DateTimeOffset.UnixEpoch).TotalSeconds;

    private sealed class InProgress(IGauge gauge) : IDisposable
    {
        public void Dispose() => gauge.Dec();
    }
}
