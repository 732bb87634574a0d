using Connectors.Sdk.Events;
using Connectors.Sdk.Invocation;
using Connectors.Sqs.Queues;
using Microsoft.Extensions.Logging;

namespace Connectors.Sqs.Settling;

/// <summary>Holds one queue's messages from their receive to their end.</summary>
internal sealed class Settler : IAsyncDisposable
{
    // Some megabytes at most. One that comes again later, or comes to another replica, is run by all its functions.
    private const int MostRemembered = 10_000;
    private static readonly TimeSpan Remembering = TimeSpan.FromDays(1);

    // What a receive may take beyond its wait.
    private static readonly TimeSpan OnItsWay = TimeSpan.FromSeconds(2);

    private readonly VisibilityKeeper _keeper;
    private readonly DeleteBatcher _deletes;
    private readonly ReturnBatcher _returns;
    private readonly FailurePolicy _policy;
    private readonly Latest<Progress> _progress;
    private readonly TimeSpan _visibility;
    private readonly TimeSpan _untilUnread;
    private readonly TimeProvider _time;
    private readonly Random _random;
    private readonly ILogger _log;

    // Messages that keep their slots while they wait for a function that is down or full, and how many of the queue's may: more would hold up the other queues.
    private readonly HashSet<Lease> _waiting = [];
    private readonly int _mostWaiting;

    // Guards who waits: messages begin and end side by side.
    private readonly Lock _gate = new();

    public Settler(Queue queue, SqsOptions options, TimeProvider time, Random random, ILogger<Settler> log)
    {
        (Queue, _policy, _visibility, _time, _random, _log) = (queue, options.Failure, options.VisibilityTimeout, time, random, log);
        _keeper = new VisibilityKeeper(queue, options, time, log);
        _deletes = new DeleteBatcher(queue, _keeper, time, random, log);
        _returns = new ReturnBatcher(queue, _keeper, time, log);
        _progress = new Latest<Progress>(MostRemembered, Remembering, time);
        _untilUnread = TimeSpan.FromSeconds(Math.Ceiling((options.Connector.RebuildInterval + options.WaitTime + OnItsWay).TotalSeconds));
        _mostWaiting = Math.Max(1, options.Connector.MaxInflight / options.Queues.Count);
    }

    public Queue Queue { get; }

    /// <summary>How old the oldest message is that is held, or was when it came lately.</summary>
    public TimeSpan OldestAge() => _keeper.OldestAge();

    /// <summary>Waits while too much is done and not deleted for more to be received.</summary>
    public Task RoomAsync(CancellationToken ct) => _deletes.RoomAsync(ct);

    /// <summary>Keeps a message hidden from now on, until it is deleted or given back, which is done once.</summary>
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
        WaitsNoMore(lease);

        // Where it may be with another already, deleting it would take it from them.
        if (_keeper.Holds(lease))
        {
            _progress.Remove(lease.Message.Id);
            _deletes.Add(lease);
        }
    }

    /// <summary>It was not done: shows it to others after so long.</summary>
    public void GiveBack(Lease lease, TimeSpan hidden)
    {
        WaitsNoMore(lease);
        if (_keeper.Holds(lease))
        {
            _returns.Add(lease, hidden);
        }
    }

    /// <summary>
    /// No function wants it any more: hides it until no poll is under way that began while one did. Such a one, here or at a replica that has not looked at the
    /// functions since, would bring it for nobody and use up a receive.
    /// </summary>
    public void PassOver(Lease lease) => GiveBack(lease, _untilUnread);

    /// <summary>Keeps in mind which functions took a message, for when it was given back and comes again.</summary>
    public void Remember(Lease lease, Progress? progress)
    {
        if (progress is not null)
        {
            _progress.Add(lease.Message.Id, progress);
        }
    }

    /// <summary>Which functions took a message when it was here before; null if none did, or that is not known.</summary>
    public Progress? ProgressOf(Lease lease) => _progress.Find(lease.Message.Id);

    /// <summary>No event can be made of it: hides it for long, as often as the queue's redrive policy lets it come back.</summary>
    public void Refuse(Lease lease, Exception fault) => Fail(lease, new Outcome { Kind = OutcomeKind.Failed, Status = 400, Error = fault.Message }, attempt: 1);

    /// <summary>A function did not take it. Returns the delay after which to run it again here, or null once it was given back or deleted.</summary>
    public TimeSpan? Fail(Lease lease, Outcome outcome, int attempt)
    {
        if (!lease.IsLost && _policy.RunAgainAfter(outcome, attempt, _random) is { } delay && (outcome.IsOutOfReach || MayWait(lease)))
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

    private bool MayWait(Lease lease)
    {
        lock (_gate)
        {
            return _waiting.Contains(lease) || (_waiting.Count < _mostWaiting && _waiting.Add(lease));
        }
    }

    private void WaitsNoMore(Lease lease)
    {
        lock (_gate)
        {
            _waiting.Remove(lease);
        }
    }
}
