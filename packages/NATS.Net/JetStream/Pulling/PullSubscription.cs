using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using NATS.Client.Core;

namespace NATS.Client.JetStream;

/// <summary>The inbox of pull requests to one consumer: its messages, its status messages, and the watch for the server's silence.</summary>
internal abstract class PullSubscription<T> : NatsSubBase, IAsyncDisposable
{
    private readonly Channel<NatsJSMsg<T>> _msgs = Channel.CreateUnbounded<NatsJSMsg<T>>(new UnboundedChannelOptions { SingleReader = true });
    private readonly NatsJSContext _context;
    private readonly INatsDeserialize<T> _deserializer;
    private readonly ILogger _logger;
    private readonly string _consumer;
    private readonly string _api;
    private readonly Timer _silence;

    protected PullSubscription(
        NatsJSContext context,
        string stream,
        string consumer,
        PullLimits limits,
        INatsDeserialize<T> deserializer,
        Func<INatsJSNotification, CancellationToken, Task>? handler,
        CancellationToken cancellationToken)
        : base((NatsConnection)context.Connection, context.NewBaseInbox(), queueGroup: null, opts: null)
    {
        _context = context;
        _deserializer = deserializer;
        _logger = Connection.Opts.LoggerFactory.CreateLogger("NATS.Client.JetStream.NatsJSConsumer");
        _consumer = $"{stream}.{consumer}";
        _api = $"{context.Opts.Prefix}.CONSUMER.MSG.NEXT.{_consumer}";
        Limits = limits;
        Notifications = new PullNotifications(handler, EndWith, cancellationToken);
        _silence = new Timer(static pull => ((PullSubscription<T>)pull!).WhenSilent(), this, Timeout.Infinite, Timeout.Infinite);
    }

    public ChannelReader<NatsJSMsg<T>> Msgs => _msgs.Reader;

    protected PullLimits Limits { get; }

    protected PullNotifications Notifications { get; }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync().ConfigureAwait(false);
        await _silence.DisposeAsync().ConfigureAwait(false);
        await Notifications.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>The server has that long again to show that it lives.</summary>
    public void WatchSilence() => _silence.Change(Limits.Silence, Timeout.InfiniteTimeSpan);

    /// <summary>The caller works on a message and asks for nothing.</summary>
    public void IgnoreSilence() => _silence.Change(Timeout.Infinite, Timeout.Infinite);

    internal override ValueTask Deliver(in WireMessage message)
    {
        WatchSilence();
        if (!ReferenceEquals(message.Subject, Subject) && message.Subject != Subject)
        {
            OnMessage(message.Size);
            _msgs.Writer.TryWrite(new NatsJSMsg<T>(message.Read(Connection, _deserializer), _context));
            AfterMessage();
        }
        else if (message.ReadHeaders(Connection.Opts) is { } status)
        {
            OnAnyStatus(status);
        }

        return default;
    }

    internal override void Complete(Exception? exception)
    {
        IgnoreSilence();
        _msgs.Writer.TryComplete(exception);
    }

    /// <summary>Sends a pull request; at a lost connection it is not sent, the next session pulls anew.</summary>
    protected ValueTask RequestAsync(PullRequest request, CancellationToken cancellationToken) =>
        Connection.PublishAsync(_api, request, replyTo: Subject, serializer: JsonApiSerializer<PullRequest>.Default, cancellationToken: cancellationToken);

    /// <summary>The same on a session that is not open to others yet.</summary>
    protected async ValueTask RequestAsync(CommandWriter writer, PullRequest request, CancellationToken cancellationToken)
    {
        var content = PayloadBuffer.Take();
        ValueTask<bool> sent;
        try
        {
            JsonApiSerializer<PullRequest>.Default.Serialize(content, request);
            sent = writer.PublishAsync(_api, Subject, headerLength: 0, content, cancellationToken);
        }
        finally
        {
            content.Return();
        }

        await sent.ConfigureAwait(false);
    }

    protected abstract void WhenSilent();

    protected virtual void OnMessage(int size)
    {
    }

    protected virtual void AfterMessage()
    {
    }

    /// <returns>True when the status is dealt with.</returns>
    protected abstract bool OnStatus(NatsHeaders status);

    private void OnAnyStatus(NatsHeaders status)
    {
        if (status.Code == 100 || OnStatus(status))
            return;

        if (status is { Code: 400 } or { Code: 409, Message: NatsHeaders.Messages.ConsumerDeleted or NatsHeaders.Messages.ConsumerIsPushBased })
        {
            _msgs.Writer.TryComplete(new NatsJSProtocolException(status.Code, status.Message, status.MessageText));
            End(NatsSubEndReason.JetStreamError);
            return;
        }

        Notifications.Tell(new NatsJSProtocolNotification("Unhandled protocol message", status.Code, status.MessageText));
        Log.UnknownStatus(_logger, _consumer, status.Code, status.MessageText);
    }
}
