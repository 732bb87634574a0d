using Connectors.Sqs.Queues;

namespace Connectors.Sqs.Settling;

/// <summary>Our right to a received message: it is hidden from others until so long after the last grant, and never for longer than SQS hides one at all.</summary>
/// <param name="message">The message.</param>
/// <param name="received">Timestamp of the receive.</param>
/// <param name="visibility">For how long that hid it.</param>
/// <param name="time">The clock.</param>
internal sealed class Lease(QueueMessage message, long received, TimeSpan visibility, TimeProvider time) : IDisposable
{
    // SQS began to count before its answer was here, and goes on while a request is under way.
    private static readonly TimeSpan Margin = TimeSpan.FromMinutes(1);

    private readonly CancellationTokenSource _lost = new();
    private Grant _grant = new(received, visibility);
    private volatile bool _isDeleting;
    private volatile bool _isReturning;
    private volatile bool _isRenewing;

    public QueueMessage Message => message;

    /// <summary>The receive, or the last renewal.</summary>
    public Grant Granted
    {
        get => Volatile.Read(ref _grant);
        set => Volatile.Write(ref _grant, value);
    }

    /// <summary>Whether the last grant has run out.</summary>
    public bool IsOver => Left <= TimeSpan.Zero;

    /// <summary>Time left of the last grant.</summary>
    public TimeSpan Left => Granted.For - time.GetElapsedTime(Granted.At);

    /// <summary>Whether its deletion is under way. That may take longer than the message is hidden: it is renewed meanwhile.</summary>
    public bool IsDeleting
    {
        get => _isDeleting;
        set => _isDeleting = value;
    }

    /// <summary>Whether it is being given back: a renewal would hide it again.</summary>
    public bool IsReturning
    {
        get => _isReturning;
        set => _isReturning = value;
    }

    /// <summary>Whether a renewal is under way, or waits to be sent.</summary>
    public bool IsRenewing
    {
        get => _isRenewing;
        set => _isRenewing = value;
    }

    /// <summary>Whether a request that ends it is under way: a renewal that is refused meanwhile means nothing.</summary>
    public bool IsEnding => IsDeleting || IsReturning;

    /// <summary>Whether the message may have gone to another already: it is neither deleted nor given back.</summary>
    public bool IsLost => _lost.IsCancellationRequested;

    /// <summary>Cancelled when it is lost.</summary>
    public CancellationToken Lost => _lost.Token;

    /// <summary>So much of a time, whole seconds, for which SQS still hides the message from now on. A receive of 11 h ago leaves 59 minutes of any longer time.</summary>
    public TimeSpan Within(TimeSpan wanted)
    {
        var left = Queue.MaxHiding - Margin - time.GetElapsedTime(received);
        return wanted <= left ? wanted : TimeSpan.FromSeconds(Math.Floor(Math.Max(0, left.TotalSeconds)));
    }

    public void Lose() => _lost.Cancel();

    public void Dispose() => _lost.Dispose();
}

/// <summary>That a message is hidden from a moment on.</summary>
/// <param name="At">Timestamp of the moment.</param>
/// <param name="For">For how long.</param>
internal sealed record Grant(long At, TimeSpan For);
