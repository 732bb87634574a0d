using Connectors.Streams.Nats;

namespace Connectors.QueueWorker.Settling;

/// <summary>What a stream's deliveries are for: calls are dispatched, callback records are posted.</summary>
internal interface IDeliveryHandler
{
    /// <summary>Brings a delivery to its end; its slot and its lease are held until the task ends.</summary>
    Task<Handled> HandleAsync(Delivery delivery, Grace grace);

    /// <summary>Gives back a delivery for which there is no slot, or no time left.</summary>
    Task NakAsync(Delivery delivery, CancellationToken ct);

    /// <summary>Ends a delivery whose handling threw: nakked, so that another try may do better, and a dead letter when several did not.</summary>
    Task FailAsync(Delivery delivery, Exception fault, CancellationToken ct);

    /// <summary>How long one delivery may take; what takes longer is stuck.</summary>
    TimeSpan Limit { get; }
}

/// <summary>What a stopping worker allows what still runs.</summary>
/// <param name="Sends">Cancelled when the grace period is over: requests are aborted and their deliveries nakked.</param>
/// <param name="Writes">Cancelled a little later, so that what was decided can still be written and acked.</param>
internal readonly record struct Grace(CancellationToken Sends, CancellationToken Writes);

/// <summary>What the loop that pulls may learn from the end of a delivery.</summary>
/// <param name="Load">What the function's answer says about its load.</param>
internal readonly record struct Handled(Load Load = Load.Unknown)
{
    /// <summary>When set, the message was nakked and comes again after this time.</summary>
    public TimeSpan? Again { get; init; }
}

/// <summary>What an answer says about the load of a function, or of the stream that a call was to come back to.</summary>
internal enum Load
{
    /// <summary>Nothing: it was not sent, or failed for reasons of its own.</summary>
    Unknown,

    /// <summary>It took the call.</summary>
    Took,

    /// <summary>It had no room: 429, or no connection; or the stream did not store the call.</summary>
    Refused,
}
