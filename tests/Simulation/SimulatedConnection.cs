using System.Buffers;
using System.Globalization;
using System.Text;
using System.Threading.Channels;
using NATS.Client.Core;

namespace Connectors.Simulation.Tests;

/// <summary>
/// One worker's connection to the <see cref="Broker"/>, in the client's own words. What goes to or comes from one stream, consumer or bucket keeps its order, as
/// on a TCP connection; between them it does not, as inside a server. A cut loses what is on its way.
/// </summary>
internal sealed class SimulatedConnection(World world, Broker broker, Process process) : INatsConnection, INatsSubscriptionManager
{
    private readonly Dictionary<string, TimeSpan> _lanes = [];
    private readonly List<NatsSubBase> _subscriptions = [];
    private TimeSpan _stalledUntil;
    private int _epoch;

    public event AsyncEventHandler<NatsEventArgs>? ConnectionDisconnected;

    public event AsyncEventHandler<NatsEventArgs>? ConnectionOpened;

    public event AsyncEventHandler<NatsEventArgs>? ReconnectFailed { add { } remove { } }

    public event AsyncEventHandler<NatsMessageDroppedEventArgs>? MessageDropped { add { } remove { } }

    public event AsyncEventHandler<NatsSlowConsumerEventArgs>? SlowConsumerDetected { add { } remove { } }

    public event AsyncEventHandler<NatsLameDuckModeActivatedEventArgs>? LameDuckModeActivated { add { } remove { } }

    public event AsyncEventHandler<NatsServerErrorEventArgs>? ServerError { add { } remove { } }

    public INatsServerInfo? ServerInfo { get; private set; }

    public NatsOpts Opts { get; } = NatsOpts.Default with { Name = process.Name };

    public NatsConnectionState ConnectionState { get; private set; } = NatsConnectionState.Closed;

    public INatsSubscriptionManager SubscriptionManager => this;

    public NatsHeaderParser HeaderParser { get; } = new(Encoding.ASCII);

    public INatsConnection Connection => this;

    public Func<(string, int), ValueTask<(string, int)>>? OnConnectingAsync { get; set; }

    public Func<INatsSocketConnection, ValueTask<INatsSocketConnection>>? OnSocketAvailableAsync { get; set; }

    /// <summary>Called for each ack that is sent, with the message's stream and sequence: it may yet be lost.</summary>
    public Action<string, ulong>? Acks { get; set; }

    /// <summary>What is published waits for it, as where the server reads nothing, and goes out on whichever connection there is then.</summary>
    public Task Room { get; set; } = Task.CompletedTask;

    /// <summary>Ends the connection; a new one is made when there is a server.</summary>
    public void Cut()
    {
        if (ConnectionState == NatsConnectionState.Open)
        {
            Close();
            process.Receive(() => _ = ConnectionDisconnected?.Invoke(this, new NatsEventArgs("cut")));
            Reopen();
        }
    }

    /// <summary>Nothing gets through for a while, and then all of it.</summary>
    public void Stall(TimeSpan span) => _stalledUntil = world.Elapsed + span;

    /// <summary>The process was killed: what it had sent arrives, and no answer leads anywhere.</summary>
    public void Abandon() => world.After(TimeSpan.FromMilliseconds(3), Close);

    /// <summary>To the server.</summary>
    /// <param name="lane">What keeps its order.</param>
    /// <param name="arrive">Done there.</param>
    /// <param name="counts">Whether something may be made to happen at it.</param>
    public void Ask(string lane, Action arrive, bool counts = false) => process.Act(() => Travel($"> {lane}", arrive), counts);

    /// <summary>To the worker.</summary>
    public void Answer(string lane, Action arrive) => Travel($"< {lane}", () => process.Receive(arrive));

    /// <summary>A message to whoever subscribed to its subject, or to <paramref name="inbox"/> in its place.</summary>
    public void Send(string lane, string subject, string? reply, string? headers, ReadOnlyMemory<byte> body, string? inbox = null) => Answer(lane, () =>
    {
        var block = headers is null ? (ReadOnlySequence<byte>?)null : new ReadOnlySequence<byte>(Encoding.ASCII.GetBytes(headers));
        foreach (var subscription in _subscriptions.ToArray())
        {
            var filter = subscription.Subject.EndsWith('*') ? $"{subscription.Subject[..^1]}>" : subscription.Subject;
            if (BrokerStream.Matches(filter, inbox ?? subject))
            {
                _ = subscription.ReceiveAsync(subject, reply, block, new ReadOnlySequence<byte>(body));
            }
        }
    });

    /// <summary>A request of JetStream's interface: what the server does with it, as its answer; in doubt an error after five seconds.</summary>
    public async Task<T> RequestAsync<T>(string lane, Func<T> serve, CancellationToken ct)
    {
        if (ConnectionState != NatsConnectionState.Open)
        {
            throw new NatsException("not connected");
        }

        var answer = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        Ask(lane, () =>
        {
            try
            {
                var served = serve();
                Answer(lane, () => answer.TrySetResult(served));
            }
            catch (NatsException refusal)
            {
                Answer(lane, () => answer.TrySetException(refusal));
            }
        });
        world.After(TimeSpan.FromSeconds(5), () => process.Receive(() => answer.TrySetException(new NatsNoReplyException())));
        await using var end = ct.Register(() => answer.TrySetCanceled(ct));
        return await answer.Task;
    }

    public async ValueTask ConnectAsync()
    {
        var connected = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        world.After(TimeSpan.FromMilliseconds(1), () => process.Receive(() =>
        {
            Open();
            connected.SetResult();
        }));
        await connected.Task;
    }

    public ValueTask PublishAsync<T>(
        string subject, T? data, NatsHeaders? headers = null, string? replyTo = null, INatsSerialize<T>? serializer = null, NatsPubOpts? opts = null, CancellationToken cancellationToken = default)
    {
        if (ConnectionState != NatsConnectionState.Open)
        {
            return ValueTask.FromException(new NatsException("not connected"));
        }

        var body = data switch { ReadOnlyMemory<byte> memory => memory, byte[] bytes => bytes, _ => throw new NotSupportedException() };
        if (Room.IsCompleted)
        {
            Publish(subject, headers, replyTo, body);
            return ValueTask.CompletedTask;
        }

        return new ValueTask(LaterAsync());

        async Task LaterAsync()
        {
            await Room;
            Publish(subject, headers, replyTo, body);
        }
    }

    private void Publish(string subject, NatsHeaders? headers, string? replyTo, ReadOnlyMemory<byte> body)
    {
        if (body.Span.SequenceEqual("+ACK"u8) && subject.Split('.') is ["$JS", "ACK", var stream, _, _, var sequence, ..])
        {
            Acks?.Invoke(stream, ulong.Parse(sequence, CultureInfo.InvariantCulture));
        }

        Ask(LaneOf(subject), () => broker.Take(this, subject, replyTo, headers, body), counts: IsWrite(subject, body.Span));
    }

    public ValueTask AddSubAsync(NatsSubBase sub, CancellationToken cancellationToken = default)
    {
        _subscriptions.Add(sub);
        return ValueTask.CompletedTask;
    }

    public ValueTask RemoveAsync(NatsSubBase sub)
    {
        _subscriptions.Remove(sub);
        return ValueTask.CompletedTask;
    }

    public async ValueTask<TimeSpan> PingAsync(CancellationToken cancellationToken = default)
    {
        // Its answer comes after all that was sent before has been read.
        var latest = _lanes.Where(lane => lane.Key[0] == '>').Select(lane => lane.Value).DefaultIfEmpty().Max();
        _lanes["> ping"] = latest;
        await RequestAsync("ping", () => true, cancellationToken);
        return TimeSpan.Zero;
    }

    public ValueTask ReconnectAsync()
    {
        Cut();
        return ValueTask.CompletedTask;
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    public ValueTask PublishAsync<T>(in NatsMsg<T> msg, INatsSerialize<T>? serializer = null, NatsPubOpts? opts = null, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException();

    public ValueTask PublishAsync(string subject, NatsHeaders? headers = null, string? replyTo = null, NatsPubOpts? opts = null, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException();

    public ValueTask<INatsSub<T>> SubscribeCoreAsync<T>(
        string subject, string? queueGroup = null, INatsDeserialize<T>? serializer = null, NatsSubOpts? opts = null, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException();

    public string NewInbox() => throw new NotSupportedException();

    public IAsyncEnumerable<NatsMsg<TReply>> RequestManyAsync<TRequest, TReply>(
        string subject,
        TRequest? data,
        NatsHeaders? headers = null,
        INatsSerialize<TRequest>? requestSerializer = null,
        INatsDeserialize<TReply>? replySerializer = null,
        NatsPubOpts? requestOpts = null,
        NatsSubOpts? replyOpts = null,
        CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public ValueTask<NatsSub<TReply>> CreateRequestSubAsync<TRequest, TReply>(
        string subject,
        TRequest? data,
        NatsHeaders? headers = null,
        INatsSerialize<TRequest>? requestSerializer = null,
        INatsDeserialize<TReply>? replySerializer = null,
        NatsPubOpts? requestOpts = null,
        NatsSubOpts? replyOpts = null,
        CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public BoundedChannelOptions GetBoundedChannelOpts(NatsSubChannelOpts? subChannelOpts) => throw new NotSupportedException();

    public void OnMessageDropped<T>(NatsSubBase natsSub, int pending, NatsMsg<T> msg) => throw new NotSupportedException();

    public IAsyncEnumerable<NatsMsg<T>> SubscribeAsync<T>(
        string subject, string? queueGroup = null, INatsDeserialize<T>? serializer = null, NatsSubOpts? opts = null, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException();

    public ValueTask<NatsMsg<TReply>> RequestAsync<TRequest, TReply>(
        string subject,
        TRequest? data,
        NatsHeaders? headers = null,
        INatsSerialize<TRequest>? requestSerializer = null,
        INatsDeserialize<TReply>? replySerializer = null,
        NatsPubOpts? requestOpts = null,
        NatsSubOpts? replyOpts = null,
        CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public ValueTask<NatsMsg<TReply>> RequestAsync<TReply>(
        string subject, INatsDeserialize<TReply>? replySerializer = null, NatsSubOpts? replyOpts = null, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException();

    private void Open()
    {
        if (process.IsDead)
        {
            return;
        }

        if (broker.IsDown)
        {
            Reopen();
            return;
        }

        _lanes.Clear();
        ServerInfo = new SimulatedServer(broker.Id);
        ConnectionState = NatsConnectionState.Open;
        broker.Connected(this);
        _ = ConnectionOpened?.Invoke(this, new NatsEventArgs("open"));
    }

    private void Reopen() => world.After(TimeSpan.FromMilliseconds(50 + world.Random.Next(200)), () => process.Receive(Open));

    private void Close()
    {
        _epoch++;
        ConnectionState = NatsConnectionState.Reconnecting;
        broker.Disconnected(this);
    }

    private void Travel(string lane, Action arrive)
    {
        if (ConnectionState != NatsConnectionState.Open)
        {
            return;
        }

        var at = world.Elapsed + TimeSpan.FromMicroseconds(50 + world.Random.Next(1500));
        at = at < _stalledUntil ? _stalledUntil : at;
        at = _lanes.TryGetValue(lane, out var last) && at <= last ? last + TimeSpan.FromTicks(1) : at;
        _lanes[lane] = at;
        var epoch = _epoch;
        world.At(at, () =>
        {
            if (epoch == _epoch)
            {
                arrive();
            }
        });
    }

    // A message, an ack or a nak; pulls and renewals are many, and leave nothing behind.
    private static bool IsWrite(string subject, ReadOnlySpan<byte> body) => !subject.StartsWith("$JS.API.", StringComparison.Ordinal) && !body.SequenceEqual("+WPI"u8);

    // Acks and pulls go to their consumer, messages to their stream.
    private static string LaneOf(string subject)
    {
        var parts = subject.Split('.');
        return parts is ["$JS", "ACK", var stream, var consumer, ..] ? $"{stream}.{consumer}" : parts is ["$JS", "API", ..] ? $"{parts[^2]}.{parts[^1]}" : $"{parts[0]}.{parts[1]}";
    }

    private sealed record SimulatedServer(string Id) : INatsServerInfo
    {
        public string Name => Id;

        public string Version => "2.11.0";

        public long ProtocolVersion => 1;

        public string GitCommit => "";

        public string GoVersion => "";

        public string Host => "";

        public int Port => 0;

        public bool HeadersSupported => true;

        public bool AuthRequired => false;

        public bool TlsRequired => false;

        public bool TlsVerify => false;

        public bool TlsAvailable => false;

        public int MaxPayload => 1024 * 1024;

        public bool JetStreamAvailable => true;

        public ulong ClientId => 1;

        public string ClientIp => "";

        public string? Nonce => null;

        public string? Cluster => null;

        public bool ClusterDynamic => false;

        public string[]? ClientConnectUrls => null;

        public string[]? WebSocketConnectUrls => null;

        public bool LameDuckMode => false;
    }
}
