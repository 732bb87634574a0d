namespace Connectors.QueueWorker;

/// <summary>What a stream's deliveries are for: calls are dispatched, callback records are posted.</summary>
internal interface IDeliveryHandler
{
    /// <summary>Brings a delivery to its end; its slot and its lease are held until the task ends.</summary>
    Task<Handled> HandleAsync(Delivery delivery, Grace grace);

    /// <summary>Gives back a delivery for which there is no slot, or no time left.</summary>
    Task HandBackAsync(Delivery delivery, CancellationToken ct);
}

/// <summary>What a stopping worker allows what still runs.</summary>
/// <param name="Sends">Cancelled when the grace period is over: requests are aborted and their deliveries handed back.</param>
/// <param name="Writes">Cancelled a little later, so that what was decided can still be written and acked.</param>
internal readonly record struct Grace(CancellationToken Sends, CancellationToken Writes);
