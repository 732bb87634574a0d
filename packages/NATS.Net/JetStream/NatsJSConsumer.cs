using System.Runtime.CompilerServices;
using NATS.Client.Core;
using NATS.Client.JetStream.Models;

namespace NATS.Client.JetStream;

public class NatsJSConsumer : INatsJSConsumer
{
    private readonly NatsJSContext _context;
    private readonly string _stream;
    private readonly string _consumer;
    private volatile bool _deleted;

    internal NatsJSConsumer(NatsJSContext context, ConsumerInfo info)
    {
        _context = context;
        _stream = info.StreamName;
        _consumer = info.Name;
        Info = info;
    }

    public ConsumerInfo Info { get; private set; }

    public async ValueTask<bool> DeleteAsync(CancellationToken cancellationToken = default)
    {
        ThrowIfDeleted();
        return _deleted = await _context.DeleteConsumerAsync(_stream, _consumer, cancellationToken).ConfigureAwait(false);
    }

    public async ValueTask RefreshAsync(CancellationToken cancellationToken = default) =>
        Info = await _context.ConsumerInfoAsync(_stream, _consumer, cancellationToken).ConfigureAwait(false);

    public async IAsyncEnumerable<INatsJSMsg<T>> ConsumeAsync<T>(INatsDeserialize<T>? serializer = default, NatsJSConsumeOpts? opts = default, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ThrowIfDeleted();
        var pull = new ConsumeSubscription<T>(_context, _stream, _consumer, opts ?? _context.Opts.DefaultConsumeOpts, Deserializer(serializer), cancellationToken);
        await using (pull.ConfigureAwait(false))
        {
            await _context.Subscriptions.AddAsync(pull, cancellationToken).ConfigureAwait(false);
            while (await MoreAsync(pull, cancellationToken).ConfigureAwait(false))
            {
                while (!cancellationToken.IsCancellationRequested && pull.Msgs.TryRead(out var msg))
                {
                    pull.IgnoreSilence();
                    yield return msg;
                    pull.WatchSilence();
                    pull.Delivered(msg.Size);
                }
            }
        }
    }

    public async ValueTask<INatsJSMsg<T>?> NextAsync<T>(INatsDeserialize<T>? serializer = default, NatsJSNextOpts? opts = default, CancellationToken cancellationToken = default)
    {
        ThrowIfDeleted();
        opts ??= _context.Opts.DefaultNextOpts;
        var one = new NatsJSFetchOpts
        {
            MaxMsgs = 1,
            Expires = opts.Expires,
            IdleHeartbeat = opts.IdleHeartbeat,
            NotificationHandler = opts.NotificationHandler,
        };
        var pull = new FetchSubscription<T>(_context, _stream, _consumer, one, Deserializer(serializer), cancellationToken);
        await using (pull.ConfigureAwait(false))
        {
            await _context.Subscriptions.AddAsync(pull, cancellationToken).ConfigureAwait(false);
            return await pull.Msgs.WaitToReadAsync(cancellationToken).ConfigureAwait(false) && pull.Msgs.TryRead(out var msg) ? msg : null;
        }
    }

    public IAsyncEnumerable<INatsJSMsg<T>> FetchAsync<T>(NatsJSFetchOpts opts, INatsDeserialize<T>? serializer = default, CancellationToken cancellationToken = default) =>
        PullOnceAsync(opts, serializer, cancellationToken);

    public IAsyncEnumerable<INatsJSMsg<T>> FetchNoWaitAsync<T>(NatsJSFetchOpts opts, INatsDeserialize<T>? serializer = default, CancellationToken cancellationToken = default) =>
        PullOnceAsync(opts with { NoWait = true }, serializer, cancellationToken);

    private static async ValueTask<bool> MoreAsync<T>(PullSubscription<T> pull, CancellationToken cancellationToken)
    {
        try
        {
            return !cancellationToken.IsCancellationRequested && await pull.Msgs.WaitToReadAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return false;
        }
    }

    private async IAsyncEnumerable<INatsJSMsg<T>> PullOnceAsync<T>(NatsJSFetchOpts opts, INatsDeserialize<T>? serializer, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ThrowIfDeleted();
        var pull = new FetchSubscription<T>(_context, _stream, _consumer, opts, Deserializer(serializer), cancellationToken);
        await using (pull.ConfigureAwait(false))
        {
            await _context.Subscriptions.AddAsync(pull, cancellationToken).ConfigureAwait(false);
            while (await MoreAsync(pull, cancellationToken).ConfigureAwait(false))
            {
                while (!cancellationToken.IsCancellationRequested && pull.Msgs.TryRead(out var msg))
                {
                    pull.IgnoreSilence();
                    yield return msg;
                    pull.WatchSilence();
                }
            }
        }
    }

    private INatsDeserialize<T> Deserializer<T>(INatsDeserialize<T>? given) => given ?? _context.Connection.Opts.SerializerRegistry.GetDeserializer<T>();

    private void ThrowIfDeleted()
    {
        if (_deleted)
            throw new NatsJSException($"Consumer '{_stream}:{_consumer}' is deleted");
    }
}
