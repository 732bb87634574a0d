namespace Connectors.Streams.Nats;

/// <summary>Whoever pulls from a consumer. Told on the thread that reads the connection: it may not block.</summary>
public interface IPullListener
{
    /// <summary>A message came.</summary>
    /// <param name="delivery">The message.</param>
    /// <param name="wasAsked">Whether it belongs to a pull that is not over. Otherwise nobody keeps room for it.</param>
    /// <param name="outstanding">How many more may come of what was asked for.</param>
    void Delivered(Delivery delivery, bool wasAsked, int outstanding);

    /// <summary>A pull ended without having brought all that was asked for.</summary>
    /// <param name="unused">How many will not come.</param>
    /// <param name="why">Why.</param>
    /// <param name="outstanding">How many may still come of other pulls.</param>
    void Returned(int unused, PullEnd why, int outstanding);
}

/// <summary>Why a pull ended.</summary>
public enum PullEnd
{
    /// <summary>Nothing more waited, or came while the pull did.</summary>
    Empty,

    /// <summary>More waits: the next message would have been more bytes than the pull asked for.</summary>
    HasMore,

    /// <summary>The consumer is gone or refuses the pull, or the server is silent. Silence is never taken for an empty queue.</summary>
    Gone,
}
