namespace Prometheus;

public interface ITimer : IDisposable
{
    /// <summary>Hands on the seconds that passed since the timer was made.</summary>
    TimeSpan ObserveDuration();
}
