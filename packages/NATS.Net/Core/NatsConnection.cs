using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;

namespace NATS.Client.Core;

/// <summary>A connection to a NATS server or cluster that survives the loss of servers. Connects at the first use.</summary>
public class NatsConnection : INatsConnection
{
    private readonly SessionKeeper _keeper;
    private readonly ReplyInbox _replies;
    private readonly ConnectionEvents _events;
    private readonly string _inboxPrefix;
    private int _disposed;

    public NatsConnection()
        : this(NatsOpts.Default)
    {
    }

    public NatsConnection(NatsOpts opts)
    {
        Opts = opts;
        var logger = opts.LoggerFactory.CreateLogger<NatsConnection>();
        _events = new ConnectionEvents(logger);
        _keeper = new SessionKeeper(this, opts, logger);
        Subscriptions = new SubscriptionTable(_keeper);
        _inboxPrefix = $"{opts.InboxPrefix}.{NewId()}";
        _replies = new ReplyInbox(this, $"{opts.InboxPrefix}.{NewId()}");

        // From the first session on, before any request can be sent.
        Subscriptions.Enter(_replies);
    }

    public event AsyncEventHandler<NatsEventArgs>? ConnectionDisconnected;

    public event AsyncEventHandler<NatsEventArgs>? ConnectionOpened;

    public event AsyncEventHandler<NatsEventArgs>? ReconnectFailed;

    public event AsyncEventHandler<NatsMessageDroppedEventArgs>? MessageDropped;

    public NatsOpts Opts { get; }

    public NatsConnectionState ConnectionState => _keeper.State;

    public INatsServerInfo? ServerInfo => _keeper.Info;

    INatsConnection INatsClient.Connection => this;

    internal SubscriptionTable Subscriptions { get; }

    public async ValueTask ConnectAsync() => await _keeper.OpenAsync(CancellationToken.None).ConfigureAwait(false);

    public async ValueTask<TimeSpan> PingAsync(CancellationToken cancellationToken = default)
    {
        var session = await _keeper.OpenAsync(cancellationToken).ConfigureAwait(false);
        var start = Stopwatch.GetTimestamp();
        await session.PingAsync(cancellationToken).ConfigureAwait(false);
        return Stopwatch.GetElapsedTime(start);
    }

    public ValueTask PublishAsync<T>(string subject, T data, NatsHeaders? headers = default, string? replyTo = default, INatsSerialize<T>? serializer = default, NatsPubOpts? opts = default, CancellationToken cancellationToken = default)
    {
        CheckSubject(subject);
        if (_keeper.Current is not { } session)
            return PublishWhenOpenAsync(subject, data, headers, replyTo, serializer, cancellationToken);
        var written = TryPublish(session, subject, data, headers, replyTo, serializer, cancellationToken);
        return written.IsCompletedSuccessfully && written.Result
            ? default
            : PublishAfterAsync(written, session, subject, data, headers, replyTo, serializer, cancellationToken);
    }

    public ValueTask PublishAsync(string subject, NatsHeaders? headers = default, string? replyTo = default, NatsPubOpts? opts = default, CancellationToken cancellationToken = default) =>
        PublishAsync(subject, ReadOnlyMemory<byte>.Empty, headers, replyTo, NatsRawSerializer<ReadOnlyMemory<byte>>.Default, opts, cancellationToken);

    public ValueTask PublishAsync<T>(in NatsMsg<T> msg, INatsSerialize<T>? serializer = default, NatsPubOpts? opts = default, CancellationToken cancellationToken = default) =>
        PublishAsync(msg.Subject, msg.Data!, msg.Headers, msg.ReplyTo, serializer, opts, cancellationToken);

    public async IAsyncEnumerable<NatsMsg<T>> SubscribeAsync<T>(string subject, string? queueGroup = default, INatsDeserialize<T>? serializer = default, NatsSubOpts? opts = default, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var sub = await SubscribeCoreAsync(subject, queueGroup, serializer, opts, cancellationToken).ConfigureAwait(false);
        await using (sub.ConfigureAwait(false))
        {
            await foreach (var msg in sub.Msgs.ReadAllAsync(cancellationToken).ConfigureAwait(false))
                yield return msg;
        }
    }

    public async ValueTask<INatsSub<T>> SubscribeCoreAsync<T>(string subject, string? queueGroup = default, INatsDeserialize<T>? serializer = default, NatsSubOpts? opts = default, CancellationToken cancellationToken = default)
    {
        CheckSubject(subject);
        var sub = new NatsSub<T>(this, subject, queueGroup, opts, serializer ?? Opts.SerializerRegistry.GetDeserializer<T>());
        await Subscriptions.AddAsync(sub, cancellationToken).ConfigureAwait(false);
        return sub;
    }

    public string NewInbox() => $"{_inboxPrefix}.{NewId()}";

    public async ValueTask<NatsMsg<TReply>> RequestAsync<TRequest, TReply>(string subject, TRequest? data, NatsHeaders? headers = default, INatsSerialize<TRequest>? requestSerializer = default, INatsDeserialize<TReply>? replySerializer = default, NatsPubOpts? requestOpts = default, NatsSubOpts? replyOpts = default, CancellationToken cancellationToken = default)
    {
        var pending = _replies.Expect(replySerializer ?? Opts.SerializerRegistry.GetDeserializer<TReply>(), replyOpts?.ThrowIfNoResponders ?? true);
        try
        {
            await PublishAsync(subject, data!, headers, pending.Subject, requestSerializer, requestOpts, cancellationToken).ConfigureAwait(false);
            pending.RunFor(replyOpts?.Timeout ?? Opts.RequestTimeout);
            using (cancellationToken.UnsafeRegister(static (state, token) => ((PendingReply)state!).Cancel(token), pending))
                return await pending.Reply.ConfigureAwait(false);
        }
        finally
        {
            _replies.Forget(pending);
        }
    }

    public ValueTask<NatsMsg<TReply>> RequestAsync<TReply>(string subject, INatsDeserialize<TReply>? replySerializer = default, NatsSubOpts? replyOpts = default, CancellationToken cancellationToken = default) =>
        RequestAsync(subject, ReadOnlyMemory<byte>.Empty, headers: null, NatsRawSerializer<ReadOnlyMemory<byte>>.Default, replySerializer, requestOpts: null, replyOpts, cancellationToken);

    public async IAsyncEnumerable<NatsMsg<TReply>> RequestManyAsync<TRequest, TReply>(string subject, TRequest? data, NatsHeaders? headers = default, INatsSerialize<TRequest>? requestSerializer = default, INatsDeserialize<TReply>? replySerializer = default, NatsPubOpts? requestOpts = default, NatsSubOpts? replyOpts = default, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        replyOpts ??= new NatsSubOpts();
        replyOpts = replyOpts with
        {
            StopOnEmptyMsg = replyOpts.StopOnEmptyMsg ?? true,
            ThrowIfNoResponders = replyOpts.ThrowIfNoResponders ?? true,
            Timeout = replyOpts.Timeout ?? Opts.RequestTimeout,
        };
        var sub = await SubscribeCoreAsync(NewInbox(), queueGroup: null, replySerializer, replyOpts, cancellationToken).ConfigureAwait(false);
        await using (sub.ConfigureAwait(false))
        {
            await PublishAsync(subject, data!, headers, sub.Subject, requestSerializer, requestOpts, cancellationToken).ConfigureAwait(false);
            await foreach (var msg in sub.Msgs.ReadAllAsync(cancellationToken).ConfigureAwait(false))
                yield return msg;
        }
    }

    public virtual async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        Subscriptions.EndAll();
        await _replies.DisposeAsync().ConfigureAwait(false);
        await _keeper.DisposeAsync().ConfigureAwait(false);
        await _events.DisposeAsync().ConfigureAwait(false);
        GC.SuppressFinalize(this);
    }

    internal void RaiseOpened(string server) => Raise(ConnectionOpened, nameof(ConnectionOpened), server);

    internal void RaiseDisconnected(string server) => Raise(ConnectionDisconnected, nameof(ConnectionDisconnected), server);

    internal void RaiseReconnectFailed(string server) => Raise(ReconnectFailed, nameof(ReconnectFailed), server);

    internal void OnDropped<T>(NatsSubBase subscription, int pending, NatsMsg<T> msg)
    {
        if (MessageDropped is { } handler)
            _events.Post(handler, this, nameof(MessageDropped), new NatsMessageDroppedEventArgs(subscription, pending, msg.Subject, msg.ReplyTo, msg.Headers, msg.Data));
    }

    private static string NewId() => RandomNumberGenerator.GetString("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", 22);

    /// <summary>A subject with white space would be read by the server as something else.</summary>
    private static void CheckSubject(string subject)
    {
        ArgumentException.ThrowIfNullOrEmpty(subject);
        if (subject.AsSpan().ContainsAny(" \t\r\n"))
            throw new NatsException("Subject contains whitespace");
    }

    private void Raise(AsyncEventHandler<NatsEventArgs>? handler, string name, string message)
    {
        if (handler is not null)
            _events.Post(handler, this, name, new NatsEventArgs(message));
    }

    private async ValueTask PublishWhenOpenAsync<T>(string subject, T data, NatsHeaders? headers, string? replyTo, INatsSerialize<T>? serializer, CancellationToken cancellationToken)
    {
        while (true)
        {
            var session = Opts.PublishTimeoutOnDisconnected && _keeper.Current is null
                ? await OpenInTimeAsync(cancellationToken).ConfigureAwait(false)
                : await _keeper.OpenAsync(cancellationToken).ConfigureAwait(false);
            if (await TryPublish(session, subject, data, headers, replyTo, serializer, cancellationToken).ConfigureAwait(false))
                return;

            // This session is over; the next wait is for a new one as soon as the keeper has noticed.
            await session.Closed.ConfigureAwait(false);
            await Task.Yield();
        }
    }

    private async Task<ServerSession> OpenInTimeAsync(CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Opts.CommandTimeout);
        return await _keeper.Wait().WaitAsync(limit.Token).ConfigureAwait(false);
    }

    private async ValueTask PublishAfterAsync<T>(ValueTask<bool> written, ServerSession session, string subject, T data, NatsHeaders? headers, string? replyTo, INatsSerialize<T>? serializer, CancellationToken cancellationToken)
    {
        if (await written.ConfigureAwait(false))
            return;
        await session.Closed.ConfigureAwait(false);
        await PublishWhenOpenAsync(subject, data, headers, replyTo, serializer, cancellationToken).ConfigureAwait(false);
    }

    private ValueTask<bool> TryPublish<T>(ServerSession session, string subject, T data, NatsHeaders? headers, string? replyTo, INatsSerialize<T>? serializer, CancellationToken cancellationToken)
    {
        var content = PayloadBuffer.Take();
        try
        {
            if (headers is { Count: > 0 })
                HeaderCodec.Write(content, headers, Opts.HeaderEncoding);
            var headerLength = content.Length;
            if (data is not null)
                (serializer ?? Opts.SerializerRegistry.GetSerializer<T>()).Serialize(content, data);

            var most = session.Info.MaxPayload;
            if (content.Length > most)
                throw new NatsPayloadTooLargeException($"Payload size {content.Length} exceeds server's maximum payload size {most}");
            return session.Writer.PublishAsync(subject, replyTo, headerLength, content, cancellationToken);
        }
        finally
        {
            content.Return();
        }
    }
}
