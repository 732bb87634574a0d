namespace Connectors.Sdk.Events;

/// <summary>
/// Where events come from. The suite's one interface: an implementation, a registration and its options make a connector. What settling needs (a
/// consumer, a connection) must outlive the enumeration: a source that is <see cref="IAsyncDisposable"/> is disposed once everything is settled.
/// </summary>
public interface IEventSource
{
    /// <summary>
    /// Yields events until <paramref name="stoppingToken"/> says to take no more. It is called once the topic map is known, and resumed only while a slot
    /// is free, so that what is yielded starts at once. An event whose order key is busy waits with its slot taken: a source that has other events
    /// to offer holds such a one back. What is still yielded after the stop is run as long as there are slots. If it throws, it is called anew after a growing delay, while earlier events may still be running; only a
    /// <see cref="Hosting.ConfigurationException"/> ends the process. Until it yields, or waits for its next event in quiet, <c>/readyz</c> says that the
    /// source cannot be read and why.
    /// </summary>
    /// <param name="slots">How much could run right now: a source that fetches in batches asks for no more than <see cref="Slots.Free"/>.</param>
    /// <param name="stoppingToken">Take no more. Events already yielded are settled before the process ends.</param>
    IAsyncEnumerable<Received> ReadAsync(Slots slots, CancellationToken stoppingToken);
}
