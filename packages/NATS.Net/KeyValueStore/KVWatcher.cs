using System.Runtime.CompilerServices;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace NATS.Client.KeyValueStore;

/// <summary>
/// Reads a bucket in order and without gaps: a short-lived consumer that is replaced, from the last entry seen on,
/// whenever something may have been missed.
/// </summary>
internal sealed class KVWatcher<T>(NatsJSContext context, string bucket, string stream, IEnumerable<string> keys, NatsKVWatchOpts opts, INatsDeserialize<T>? serializer)
{
    private const int StreamNotFound = 10059;

    private static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan FarewellTime = TimeSpan.FromSeconds(1);

    private readonly string _prefix = $"$KV.{bucket}.";
    private ulong _lastSeen;
    private bool _caughtUp;

    /// <summary>The entries, and one null as soon as all that was there at the beginning has been told.</summary>
    public async IAsyncEnumerable<NatsKVEntry<T>?> EntriesAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var consumer = await CreateAsync(again: false, cancellationToken).ConfigureAwait(false);
        _lastSeen = opts.UpdatesOnly ? consumer.Info.Delivered.StreamSeq : 0;
        if (consumer.Info.NumPending == 0)
        {
            _caughtUp = true;
            yield return null;
        }

        while (true)
        {
            await foreach (var msg in UntilDoubtAsync(consumer, cancellationToken).ConfigureAwait(false))
            {
                var metadata = msg.Metadata!.Value;
                _lastSeen = metadata.Sequence.Stream;
                yield return EntryOf(msg, metadata);
                if (!_caughtUp && metadata.NumPending == 0)
                {
                    _caughtUp = true;
                    yield return null;
                }
            }

            cancellationToken.ThrowIfCancellationRequested();
            consumer = await CreateAsync(again: true, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Messages of one consumer until a sequence is skipped, the server is silent, the connection was replaced, or the consumer is gone.</summary>
    private async IAsyncEnumerable<INatsJSMsg<T>> UntilDoubtAsync(INatsJSConsumer consumer, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var doubt = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var consume = new NatsJSConsumeOpts
        {
            MaxMsgs = 1000,
            IdleHeartbeat = opts.IdleHeartbeat,
            NotificationHandler = (notification, _) =>
                notification is NatsJSTimeoutNotification or NatsJSNoRespondersNotification ? doubt.CancelAsync() : Task.CompletedTask,
        };
        AsyncEventHandler<NatsEventArgs> lost = async (_, _) => await doubt.CancelAsync().ConfigureAwait(false);
        context.Connection.ConnectionDisconnected += lost;
        var messages = consumer.ConsumeAsync(serializer, consume, doubt.Token).GetAsyncEnumerator(CancellationToken.None);
        try
        {
            ulong expected = 1;
            while (await NextAsync(messages).ConfigureAwait(false) && messages.Current.Metadata is { } metadata && metadata.Sequence.Consumer == expected++)
                yield return messages.Current;
        }
        finally
        {
            context.Connection.ConnectionDisconnected -= lost;
            await messages.DisposeAsync().ConfigureAwait(false);
            await DeleteAsync(consumer).ConfigureAwait(false);
        }
    }

    private static async ValueTask<bool> NextAsync(IAsyncEnumerator<INatsJSMsg<T>> messages)
    {
        try
        {
            return await messages.MoveNextAsync().ConfigureAwait(false);
        }
        catch (NatsJSException)
        {
            return false;
        }
    }

    private async Task<INatsJSConsumer> CreateAsync(bool again, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                return await context.CreateOrUpdateConsumerAsync(stream, Config(again), cancellationToken).ConfigureAwait(false);
            }
            catch (NatsException exception) when (again && exception is not NatsJSApiException { Error.ErrCode: StreamNotFound } and not NatsConnectionFailedException)
            {
                await Task.Delay(RetryDelay, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private ConsumerConfig Config(bool again)
    {
        var subjects = keys.Select(key => _prefix + key).ToArray();
        var resume = again && _lastSeen > 0 ? _lastSeen + 1 : opts.ResumeAtRevision;
        return new ConsumerConfig
        {
            FilterSubject = subjects.Length == 1 ? subjects[0] : null,
            FilterSubjects = subjects.Length == 1 ? null : subjects,
            DeliverPolicy = resume > 0 ? ConsumerConfigDeliverPolicy.ByStartSequence
                : opts.UpdatesOnly ? ConsumerConfigDeliverPolicy.New
                : opts.IncludeHistory ? ConsumerConfigDeliverPolicy.All
                : ConsumerConfigDeliverPolicy.LastPerSubject,
            OptStartSeq = resume,
            AckPolicy = ConsumerConfigAckPolicy.None,
            HeadersOnly = opts.MetaOnly,
            MemStorage = true,
            NumReplicas = 1,
            InactiveThreshold = TimeSpan.FromMinutes(5),
        };
    }

    private NatsKVEntry<T> EntryOf(INatsJSMsg<T> msg, NatsJSMsgMetadata metadata) => new(bucket, msg.Subject[_prefix.Length..])
    {
        Value = msg.Data,
        Revision = metadata.Sequence.Stream,
        Delta = metadata.NumPending,
        Created = metadata.Timestamp,
        Operation = NatsKVStore.OperationOf(msg.Headers),
        Error = msg.Error,
    };

    /// <summary>Politeness: the server would forget the consumer by itself.</summary>
    private async Task DeleteAsync(INatsJSConsumer consumer)
    {
        if (context.Connection.ConnectionState != NatsConnectionState.Open)
            return;
        using var patience = new CancellationTokenSource(FarewellTime);
        try
        {
            await context.DeleteConsumerAsync(stream, consumer.Info.Name, patience.Token).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is NatsException or OperationCanceledException or ObjectDisposedException)
        {
            // Then it lapses.
        }
    }
}
