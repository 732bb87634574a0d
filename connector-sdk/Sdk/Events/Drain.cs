namespace Connectors.Sdk.Events;

/// <summary>How a stopping process lets go, step by step.</summary>
internal sealed class Drain : IDisposable
{
    // The host allows five seconds beyond the grace period (Hosting.Service): time to give back what was aborted.
    private static readonly TimeSpan SettlingTime = TimeSpan.FromSeconds(4);

    private readonly CancellationTokenSource _stopping;
    private readonly CancellationTokenSource _abort = new();
    private readonly CancellationTokenSource _settling = new();
    private readonly CancellationTokenRegistration _begun;

    public Drain(TimeSpan gracePeriod, CancellationToken stopping)
    {
        _stopping = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        _begun = _stopping.Token.Register(() =>
        {
            _abort.CancelAfter(gracePeriod);
            _settling.CancelAfter(gracePeriod + SettlingTime);
        });
    }

    /// <summary>Take no more, wait for nothing.</summary>
    public CancellationToken Stopping => _stopping.Token;

    /// <summary>The grace period is over: give running calls up.</summary>
    public CancellationToken Abort => _abort.Token;

    /// <summary>The last moment for settling what was given up.</summary>
    public CancellationToken Settling => _settling.Token;

    /// <summary>Begins it though the process is not told to stop.</summary>
    public void Begin() => _stopping.Cancel();

    public void Dispose()
    {
        _begun.Dispose();
        _stopping.Dispose();
        _abort.Dispose();
        _settling.Dispose();
    }
}
