using Connectors.Sdk.Invocation;
using Connectors.Sqs.Queues;
using Microsoft.Extensions.Logging;

namespace Connectors.Sqs.Settling;

/// <summary>Holds one queue's messages from their receive to their end.</summary>
internal sealed class Settler : IAsyncDisposable
{
    private readonly VisibilityKeeper _keeper;
    private readonly DeleteBatcher _deletes;
    private readonly ReturnBatcher _returns;
    private readonly FailurePolicy _policy;
    private readonly TimeSpan _visibility;
    private readonly TimeProvider _time;
    private readonly Random _random;
    private readonly ILogger _log;

    public Settler(Queue queue, SqsOptions options, TimeProvider time, Random random, ILogger<Settler> log)
    {
        (Queue, _policy, _visibility, _time, _random, _log) = (queue, options.Failure, options.VisibilityTimeout, time, random, log);
        _keeper = new VisibilityKeeper(queue, options, time, log);
        _deletes = new DeleteBatcher(queue, _keeper, time, random, log);
        _returns = new ReturnBatcher(queue, _keeper, time, log);
    }

    public Queue Queue { get; }

    /// <summary>How old the oldest message is that is held, or was when it came lately.</summary>
    public TimeSpan OldestAge() => _keeper.OldestAge();

    /// <summary>Waits while too much is done and not deleted for more to be received.</summary>
    public Task RoomAsync(CancellationToken ct) => _deletes.RoomAsync(ct);

    /// <summary>Keeps a message hidden from now on. Exactly one of the other methods ends that.</summary>
    /// <param name="message">The message.</param>
    /// <param name="received">Timestamp of its receive.</param>
    public Lease Hold(QueueMessage message, long received)
    {
        var lease = new Lease(message, received, _visibility, _time);
        _keeper.Keep(lease);
        return lease;
    }

    /// <summary>It is done: deletes it.</summary>
    public void Delete(Lease lease)
    {
        // Where it may be with another already, deleting it would take it from them.
        if (_keeper.Holds(lease))
        {
            _deletes.Add(lease);
        }
    }

    /// <summary>It was not done: shows it to others after so long.</summary>
    public void GiveBack(Lease lease, TimeSpan hidden)
    {
        if (_keeper.Holds(lease))
        {
            _returns.Add(lease, hidden);
        }
    }

    /// <summary>No event can be made of it: hides it for long, as often as the queue's redrive policy lets it come back.</summary>
    public void Refuse(Lease lease, Exception fault) => Fail(lease, new Outcome { Kind = OutcomeKind.Failed, Status = 400, Error = fault.Message }, attempt: 1);

    /// <summary>A function did not take it. Returns the delay after which to run it again here, or null once it was given back or deleted.</summary>
    public TimeSpan? Fail(Lease lease, Outcome outcome, int attempt)
    {
        if (!lease.IsLost && _policy.RunAgainAfter(outcome, attempt, _random) is { } delay)
        {
            return delay;
        }

        var message = lease.Message;
        if (FailurePolicy.IsHopeless(outcome))
        {
            Metrics.Failed(Queue.Address.Name, "deliver", "hopeless");
            Log.Hopeless(_log, Queue.Address.Name, message.Id, message.Receives, outcome.Status, outcome.Error);
        }

        if (_policy.HideFor(outcome, message.Receives, _random) is { } hidden)
        {
            GiveBack(lease, hidden);
        }
        else
        {
            Log.DeletedUndone(_log, Queue.Address.Name, message.Id, outcome.Status);
            Delete(lease);
        }

        return null;
    }

    /// <summary>Deletes and gives back what is still to be, while it is kept hidden.</summary>
    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_deletes.DisposeAsync().AsTask(), _returns.DisposeAsync().AsTask());
        await _keeper.DisposeAsync();
        Queue.Dispose();
    }
}
