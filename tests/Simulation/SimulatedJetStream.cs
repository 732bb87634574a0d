using System.Reflection;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;
using NATS.Client.KeyValueStore;

namespace Connectors.Simulation.Tests;

/// <summary>What a worker asks of JetStream and its buckets, answered by the <see cref="Broker"/>. Of the client's interfaces, the few members that ours use.</summary>
internal class SimulatedJetStream : DispatchProxy
{
    private SimulatedConnection _connection = null!;
    private Broker _broker = null!;

    public static INatsJSContext Over(SimulatedConnection connection, Broker broker)
    {
        var context = Create<INatsJSContext, SimulatedJetStream>();
        var self = (SimulatedJetStream)(object)context;
        (self._connection, self._broker) = (connection, broker);
        return context;
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) => (targetMethod!.Name, args) switch
    {
        ("get_Connection", _) => _connection,
        ("GetStreamAsync", [string name, .., CancellationToken ct]) => Ask(name, () => SimulatedStream.Over(_connection, _broker, (_broker.Find(name) ?? throw NotFound(10059)).Info()), ct),
        ("CreateStreamAsync", [StreamConfig config, CancellationToken ct]) => Ask(config.Name!, () => Of(_broker.Find(config.Name!) ?? _broker.Create(config)), ct),
        ("UpdateStreamAsync", [StreamConfig config, CancellationToken ct]) => new ValueTask<NatsJSStream>(_connection.RequestAsync(
            config.Name!,
            () =>
            {
                var stream = _broker.Find(config.Name!) ?? throw NotFound(10059);
                stream.Config = config;
                return Of(stream);
            },
            ct)),
        ("CreateOrUpdateConsumerAsync", [string stream, ConsumerConfig config, CancellationToken ct]) => AskConsumer(
            stream, config.Name!, () => Of(stream, (_broker.Find(stream) ?? throw NotFound(10059)).EnsureConsumer(config)), ct),
        ("GetConsumerAsync", [string stream, string consumer, CancellationToken ct]) => AskConsumer(
            stream, consumer, () => Of(stream, _broker.Find(stream)?.Consumer(consumer) ?? throw NotFound(10014)), ct),
        ("ListConsumerNamesAsync", [string stream, CancellationToken ct]) => NamesAsync(stream, ct),
        _ => throw new NotSupportedException(targetMethod.Name),
    };

    private async IAsyncEnumerable<string> NamesAsync(string stream, [EnumeratorCancellation] CancellationToken ct)
    {
        foreach (var name in await _connection.RequestAsync(stream, () => _broker.Find(stream)!.Consumers.Keys.ToList(), ct))
        {
            yield return name;
        }
    }

    private ValueTask<INatsJSStream> Ask(string lane, Func<INatsJSStream> serve, CancellationToken ct) => new(_connection.RequestAsync(lane, serve, ct));

    private ValueTask<INatsJSConsumer> AskConsumer(string stream, string consumer, Func<INatsJSConsumer> serve, CancellationToken ct) =>
        new(_connection.RequestAsync($"{stream}.{consumer}", serve, ct));

    private static NatsJSStream Of(BrokerStream stream) => Make(null, stream.Info());

    private static NatsJSConsumer Of(string stream, BrokerConsumer consumer) =>
        Make(null, new ConsumerInfo
        {
            StreamName = stream,
            Name = consumer.Config.Name!,
            Config = consumer.Config,
            Delivered = new SequenceInfo { StreamSeq = consumer.Last },
            AckFloor = new SequenceInfo(),
        });

    public static NatsJSApiException NotFound(int code) => new(new ApiError { Code = 404, ErrCode = code, Description = "not found" });

    [UnsafeAccessor(UnsafeAccessorKind.Constructor)]
    private static extern NatsJSStream Make(NatsJSContext? context, StreamInfo info);

    [UnsafeAccessor(UnsafeAccessorKind.Constructor)]
    private static extern NatsJSConsumer Make(NatsJSContext? context, ConsumerInfo info);
}

/// <summary>One stream, as it was found.</summary>
internal class SimulatedStream : DispatchProxy
{
    private SimulatedConnection _connection = null!;
    private Broker _broker = null!;
    private StreamInfo _found = null!;

    public static INatsJSStream Over(SimulatedConnection connection, Broker broker, StreamInfo found)
    {
        var stream = Create<INatsJSStream, SimulatedStream>();
        var self = (SimulatedStream)(object)stream;
        (self._connection, self._broker, self._found) = (connection, broker, found);
        return stream;
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) => (targetMethod!.Name, args) switch
    {
        ("get_Info", _) => _found,
        ("GetAsync", [StreamMsgGetRequest request, CancellationToken ct]) => new ValueTask<StreamMsgGetResponse>(
            _connection.RequestAsync(_found.Config.Name!, () => Find(_found.Config.Name!, request.Seq), ct)),
        _ => throw new NotSupportedException(targetMethod.Name),
    };

    private StreamMsgGetResponse Find(string name, ulong sequence)
    {
        var stream = _broker.Find(name) ?? throw SimulatedJetStream.NotFound(10059);
        var message = stream.Messages.TryGetValue(sequence, out var found) ? found : throw SimulatedJetStream.NotFound(10037);
        return new StreamMsgGetResponse
        {
            Message = new NATS.Client.JetStream.Models.StoredMessage { Seq = message.Sequence, Subject = message.Subject, Time = message.At, Data = message.Body },
        };
    }
}

/// <summary>The buckets.</summary>
internal class SimulatedBuckets : DispatchProxy
{
    private INatsJSContext _jetStream = null!;
    private SimulatedConnection _connection = null!;
    private Broker _broker = null!;

    public static INatsKVContext Over(SimulatedConnection connection, Broker broker)
    {
        var context = Create<INatsKVContext, SimulatedBuckets>();
        var self = (SimulatedBuckets)(object)context;
        (self._jetStream, self._connection, self._broker) = (SimulatedJetStream.Over(connection, broker), connection, broker);
        return context;
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) => (targetMethod!.Name, args) switch
    {
        ("get_JetStreamContext", _) => _jetStream,
        ("CreateStoreAsync", [NatsKVConfig config, CancellationToken ct]) => new ValueTask<INatsKVStore>(
            _connection.RequestAsync(config.Bucket, () => SimulatedBucket.Over(_connection, _broker.Bucket(config.Bucket)), ct)),
        _ => throw new NotSupportedException(targetMethod.Name),
    };
}

/// <summary>One bucket.</summary>
internal class SimulatedBucket : DispatchProxy
{
    private SimulatedConnection _connection = null!;
    private BrokerBucket _bucket = null!;

    public static INatsKVStore Over(SimulatedConnection connection, BrokerBucket bucket)
    {
        var store = Create<INatsKVStore, SimulatedBucket>();
        var self = (SimulatedBucket)(object)store;
        (self._connection, self._bucket) = (connection, bucket);
        return store;
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) => (targetMethod!.Name, args) switch
    {
        ("PutAsync", [string key, byte[] value, _, CancellationToken ct]) => new ValueTask<ulong>(Ask(() => _bucket.Put(key, value), ct)),
        ("DeleteAsync", [string key, _, CancellationToken ct]) => new ValueTask(Ask(() => _bucket.Put(key, null), ct)),
        ("TryGetEntryAsync", [string key, .., CancellationToken ct]) => new ValueTask<NatsResult<NatsKVEntry<byte[]>>>(Ask(() => Find(key), ct)),
        ("WatchAsync", [_, NatsKVWatchOpts opts, CancellationToken ct]) => WatchAsync(opts, ct),
        _ => throw new NotSupportedException(targetMethod.Name),
    };

    private Task<T> Ask<T>(Func<T> serve, CancellationToken ct) => _connection.RequestAsync(_bucket.Name, serve, ct);

    private NatsResult<NatsKVEntry<byte[]>> Find(string key) => _bucket.Find(key) is { Value: not null } found ? Entry(found) : new NatsKVKeyNotFoundException();

    private async IAsyncEnumerable<NatsKVEntry<byte[]>> WatchAsync(NatsKVWatchOpts opts, [EnumeratorCancellation] CancellationToken ct)
    {
        var told = Channel.CreateUnbounded<NatsKVEntry<byte[]>?>();
        _connection.Ask(_bucket.Name, () => _bucket.Watch(
            _connection,
            entry => _connection.Answer(_bucket.Name, () => told.Writer.TryWrite(Entry(entry))),
            () => _connection.Answer(_bucket.Name, () => told.Writer.TryWrite(null))));
        await foreach (var entry in told.Reader.ReadAllAsync(ct))
        {
            if (entry is { } one)
            {
                yield return one;
            }
            else
            {
                await opts.OnNoData!(ct);
            }
        }
    }

    private NatsKVEntry<byte[]> Entry(BucketValue value) => new(_bucket.Name, value.Key)
    {
        Value = value.Value,
        Revision = value.Revision,
        Delta = value.Delta,
        Created = value.At,
        Operation = value.Value is null ? NatsKVOperation.Del : NatsKVOperation.Put,
    };
}
