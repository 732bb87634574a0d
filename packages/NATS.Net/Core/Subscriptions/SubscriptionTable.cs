using System.Collections.Concurrent;

namespace NATS.Client.Core;

/// <summary>All subscriptions of a connection by the number under which the server knows them.</summary>
internal sealed class SubscriptionTable(SessionKeeper keeper)
{
    private readonly ConcurrentDictionary<int, NatsSubBase> _bySid = new();
    private int _lastSid;

    public NatsSubBase? Find(int sid) => _bySid.GetValueOrDefault(sid);

    /// <summary>Enters the subscription; sessions that begin later subscribe it by themselves.</summary>
    public void Enter(NatsSubBase subscription)
    {
        subscription.Sid = Interlocked.Increment(ref _lastSid);
        _bySid[subscription.Sid] = subscription;
    }

    /// <summary>Enters the subscription and returns when the server was told, which needs a connection.</summary>
    public async ValueTask AddAsync(NatsSubBase subscription, CancellationToken cancellationToken)
    {
        var session = await keeper.OpenAsync(cancellationToken).ConfigureAwait(false);
        Enter(subscription);
        try
        {
            while (!await SubscribeAsync(session.Writer, subscription, cancellationToken).ConfigureAwait(false))
            {
                await session.Closed.ConfigureAwait(false);
                await Task.Yield();
                session = await keeper.OpenAsync(cancellationToken).ConfigureAwait(false);
            }
        }
        catch
        {
            subscription.End(NatsSubEndReason.Cancelled);
            throw;
        }

        // It may have ended, by its own time for example, before it was in the table.
        if (subscription.HasEnded)
            Remove(subscription);
    }

    public void Remove(NatsSubBase subscription)
    {
        if (!_bySid.TryRemove(subscription.Sid, out _) || keeper.Current is not { } session)
            return;
        var sent = session.Writer.UnsubscribeAsync(subscription.Sid, CancellationToken.None);
        if (!sent.IsCompleted)
            _ = sent.AsTask();
    }

    /// <summary>Tells a new session about every subscription.</summary>
    public async Task RestoreAsync(CommandWriter writer, CancellationToken cancellationToken)
    {
        foreach (var subscription in _bySid.Values)
            await SubscribeAsync(writer, subscription, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The connection was given up: whoever waits for messages is told. The inbox stays for a connection begun anew.</summary>
    public void FailAll(Exception exception)
    {
        foreach (var subscription in _bySid.Values)
        {
            if (subscription is ReplyInbox replies)
                replies.FailPending(exception);
            else
                subscription.EndWith(exception);
        }
    }

    public void EndAll()
    {
        foreach (var subscription in _bySid.Values)
            subscription.End(NatsSubEndReason.None);
    }

    private static async ValueTask<bool> SubscribeAsync(CommandWriter writer, NatsSubBase subscription, CancellationToken cancellationToken)
    {
        if (!subscription.BeginOn(writer))
            return true;
        if (!await writer.SubscribeAsync(subscription.Sid, subscription.Subject, subscription.QueueGroup, cancellationToken).ConfigureAwait(false))
            return false;
        await subscription.OnSubscribedAsync(writer, cancellationToken).ConfigureAwait(false);
        return true;
    }
}
