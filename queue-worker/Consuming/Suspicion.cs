namespace Connectors.QueueWorker.Consuming;

/// <summary>Wakes whoever looks after streams and consumers, before its time.</summary>
internal sealed class Suspicion : IDisposable
{
    private readonly SemaphoreSlim _raised = new(0, 1);

    /// <summary>Something seems to be gone.</summary>
    public void Raise()
    {
        try
        {
            _raised.Release();
        }
        catch (SemaphoreFullException)
        {
            // It is awake already.
        }
    }

    /// <summary>Waits for the next suspicion, or for the time.</summary>
    public Task WaitAsync(TimeSpan most, CancellationToken ct) => _raised.WaitAsync(most, ct);

    public void Dispose() => _raised.Dispose();
}
