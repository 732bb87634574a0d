namespace Connectors.QueueWorker.Callbacks;

/// <summary>A slot that is held for a receiver, from its first POST until it is disposed.</summary>
/// <param name="time">The clock.</param>
/// <param name="end">Told of the end, and whether the receiver had its say.</param>
internal sealed class Turn(TimeProvider time, Action<Turn, bool> end) : IDisposable
{
    // 0 between two POSTs.
    private long _asked = time.GetTimestamp();
    private bool _isTold;

    /// <summary>How long the POST takes that runs; zero for none.</summary>
    public TimeSpan Took => Interlocked.Read(ref _asked) is not 0 and var asked ? time.GetElapsedTime(asked) : TimeSpan.Zero;

    /// <summary>The receiver has answered and is to be asked again: what is waited until then is not its time.</summary>
    public void Pause() => Interlocked.Exchange(ref _asked, 0);

    /// <summary>It is asked again.</summary>
    public void Resume() => Interlocked.Exchange(ref _asked, time.GetTimestamp());

    /// <summary>The receiver has answered, or had the time to: how long it took tells of it. Without that, what was aborted or refused here tells nothing.</summary>
    public void Told() => _isTold = true;

    public void Dispose() => end(this, _isTold);
}
