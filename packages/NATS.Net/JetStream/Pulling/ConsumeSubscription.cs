using System.Globalization;
using NATS.Client.Core;

namespace NATS.Client.JetStream;

/// <summary>Pull requests without end: a new one whenever what is asked for and not yet handed on falls to the threshold.</summary>
internal sealed class ConsumeSubscription<T> : PullSubscription<T>
{
    /// <summary>A request that the server ended early is repeated so soon: at once would be a hot loop, silence would last too long.</summary>
    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(1);

    // Guards the two counters, which the reading loop, the caller and timers change.
    private readonly Lock _gate = new();
    private readonly CancellationToken _cancellation;
    private readonly int _maxNoResponders;
    private readonly Timer _retry;
    private long _pendingMsgs;
    private long _pendingBytes;
    private int _noResponders;

    public ConsumeSubscription(NatsJSContext context, string stream, string consumer, NatsJSConsumeOpts opts, INatsDeserialize<T> deserializer, CancellationToken cancellationToken)
        : base(context, stream, consumer, PullLimits.Of(opts), deserializer, opts.NotificationHandler, cancellationToken)
    {
        _cancellation = cancellationToken;
        _maxNoResponders = opts.MaxConsecutive503Errors;
        _retry = new Timer(static pull => ((ConsumeSubscription<T>)pull!).PullAll(), this, Timeout.Infinite, Timeout.Infinite);
    }

    public override async ValueTask DisposeAsync()
    {
        await _retry.DisposeAsync().ConfigureAwait(false);
        await base.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>The caller is done with a message of this size.</summary>
    public void Delivered(int size)
    {
        PullRequest? request;
        lock (_gate)
        {
            _pendingMsgs = Math.Max(0, _pendingMsgs - 1);
            _pendingBytes -= size;
            request = RequestIfLow();
        }

        Send(request);
    }

    internal override ValueTask OnSubscribedAsync(CommandWriter writer, CancellationToken cancellationToken)
    {
        WatchSilence();
        PullRequest request;
        lock (_gate)
            request = RequestAll();
        return RequestAsync(writer, request, cancellationToken);
    }

    protected override void OnMessage(int size) => _noResponders = 0;

    protected override void WhenSilent()
    {
        Notifications.Tell(NatsJSTimeoutNotification.Default);
        WatchSilence();
        if (Connection.ConnectionState == NatsConnectionState.Open)
            PullAll();
    }

    protected override bool OnStatus(NatsHeaders status)
    {
        switch (status)
        {
            case { Code: 408 }:
                break;
            case { Code: 409, Message: NatsHeaders.Messages.MessageSizeExceedsMaxBytes }:
                Notifications.Tell(NatsJSMessageSizeExceedsMaxBytesNotification.Default);
                break;
            case { Code: 409 } when status.MessageText.Equals("Leadership Change", StringComparison.OrdinalIgnoreCase):
                Notifications.Tell(NatsJSLeadershipChangeNotification.Default);
                _retry.Change(RetryDelay, Timeout.InfiniteTimeSpan);
                return true;
            case { Code: 503 }:
                OnNoResponders();
                return true;
            default:
                _retry.Change(RetryDelay, Timeout.InfiniteTimeSpan);
                return false;
        }

        PullRequest? request;
        lock (_gate)
        {
            // What the ended request asked for and will not get.
            _pendingMsgs = Math.Max(0, _pendingMsgs - Count(status, "Nats-Pending-Messages"));
            _pendingBytes = Math.Max(0, _pendingBytes - Count(status, "Nats-Pending-Bytes"));
            request = RequestIfLow();
        }

        Send(request);
        return true;
    }

    private static long Count(NatsHeaders status, string name) =>
        status.TryGetLastValue(name, out var text) && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var count) ? count : 0;

    private void OnNoResponders()
    {
        Notifications.Tell(NatsJSNoRespondersNotification.Default);
        _noResponders++;
        if (_maxNoResponders >= 0 && _noResponders >= _maxNoResponders)
            EndWith(new NatsJSException($"Consumer appears to be deleted: {_noResponders} consecutive 503 No Responders"));
        else
            _retry.Change(RetryDelay, Timeout.InfiniteTimeSpan);
    }

    private void PullAll()
    {
        if (HasEnded || _cancellation.IsCancellationRequested)
            return;
        PullRequest request;
        lock (_gate)
            request = RequestAll();
        Send(request);
    }

    private void Send(PullRequest? request)
    {
        // Without a session nothing is sent: the next session begins with a request for all.
        if (request is null || HasEnded || _cancellation.IsCancellationRequested || Connection.ConnectionState != NatsConnectionState.Open)
            return;
        var sent = RequestAsync(request, _cancellation);
        if (!sent.IsCompletedSuccessfully)
            _ = IgnoreCancellationAsync(sent);
    }

    private static async Task IgnoreCancellationAsync(ValueTask sent)
    {
        try
        {
            await sent.ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is OperationCanceledException or ObjectDisposedException)
        {
            // The pull ends anyway.
        }
    }

    private PullRequest RequestAll()
    {
        _pendingMsgs = Limits.MaxMsgs;
        _pendingBytes = Limits.MaxBytes;
        return Request(Limits.MaxMsgs, Limits.MaxBytes);
    }

    private PullRequest? RequestIfLow()
    {
        if (Limits.MaxBytes > 0)
        {
            if (_pendingBytes > Limits.ThresholdBytes)
                return null;
            var bytes = Limits.MaxBytes - _pendingBytes;
            _pendingBytes = Limits.MaxBytes;
            return Request(Limits.MaxMsgs, bytes);
        }

        if (_pendingMsgs > Limits.ThresholdMsgs || _pendingMsgs >= Limits.MaxMsgs)
            return null;
        var msgs = Limits.MaxMsgs - _pendingMsgs;
        _pendingMsgs = Limits.MaxMsgs;
        return Request(msgs, 0);
    }

    private PullRequest Request(long batch, long maxBytes) =>
        new() { Batch = batch, MaxBytes = maxBytes, Expires = Limits.Expires, IdleHeartbeat = Limits.IdleHeartbeat };
}
