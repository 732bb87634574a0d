using Connectors.Sqs.Queues;

namespace Connectors.Sqs.Settling;

/// <summary>Our right to a received message: it is hidden from others until so long after the last grant.</summary>
/// <param name="message">The message.</param>
/// <param name="granted">Timestamp of the receive.</param>
internal sealed class Lease(QueueMessage message, long granted) : IDisposable
{
    private readonly CancellationTokenSource _lost = new();
    private long _granted = granted;
    private volatile bool _isEnding;

    public QueueMessage Message => message;

    /// <summary>Timestamp of the receive or of the last renewal.</summary>
    public long Granted
    {
        get => Volatile.Read(ref _granted);
        set => Volatile.Write(ref _granted, value);
    }

    /// <summary>Whether a request that ends it is under way: a renewal that is refused meanwhile means nothing.</summary>
    public bool IsEnding
    {
        get => _isEnding;
        set => _isEnding = value;
    }

    /// <summary>Whether the message may have gone to another already: it is neither deleted nor given back.</summary>
    public bool IsLost => _lost.IsCancellationRequested;

    /// <summary>Cancelled when it is lost.</summary>
    public CancellationToken Lost => _lost.Token;

    public void Lose() => _lost.Cancel();

    public void Dispose() => _lost.Dispose();
}
