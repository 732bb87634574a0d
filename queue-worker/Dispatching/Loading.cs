using Connectors.Sdk.Hosting;

namespace Connectors.QueueWorker.Dispatching;

/// <summary>Whether all that there was at start is told. It is waited for while more of it comes, however much it is, and given up once nothing comes for a while.</summary>
internal sealed class Loading(TimeSpan silence, TimeProvider time)
{
    private readonly TaskCompletionSource _over = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _told;

    /// <summary>One more was told, which was not known.</summary>
    public void Told() => Interlocked.Increment(ref _told);

    /// <summary>All of it was told, or it is no more to be waited for. False if that was so before.</summary>
    public bool End() => _over.TrySetResult();

    /// <summary>Returns once it is over. True if it is this one who gave up.</summary>
    public async Task<bool> WaitAsync(CancellationToken ct)
    {
        while (!_over.Task.IsCompleted)
        {
            var told = Interlocked.Read(ref _told);
            if (!await Signal.CameAsync(_over.Task, silence, time, ct) && told == Interlocked.Read(ref _told))
            {
                return End();
            }
        }

        return false;
    }
}
