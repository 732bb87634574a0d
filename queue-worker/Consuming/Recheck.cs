using Connectors.Sdk.Hosting;

namespace Connectors.QueueWorker.Consuming;

/// <summary>Has streams and consumers checked before it is time; remembered until the check.</summary>
internal sealed class Recheck(TimeProvider time)
{
    private readonly Signal _requested = new();
    private Task? _next;

    /// <summary>Something seems to be gone.</summary>
    public void Request() => _requested.Set();

    /// <summary>Waits for a request that came since the last wait ended, or for the time.</summary>
    public async Task WaitAsync(TimeSpan max, CancellationToken ct)
    {
        await Signal.CameAsync(_next ?? _requested.Next, max, time, ct);
        _next = _requested.Next;
    }
}
