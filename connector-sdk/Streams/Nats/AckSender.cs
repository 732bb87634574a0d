using System.Collections.Concurrent;
using NATS.Client.Core;

namespace Connectors.Streams.Nats;

/// <summary>
/// Sends acks. Those of a message that one server holds are not waited for. What a cut connection may have lost is sent again on the next one, if that leads to
/// the same server process: only there are stream and consumer surely those that the acks are for. Elsewhere the messages come again, and are acked then.
/// </summary>
/// <remarks>
/// Of a replicated stream the servers agree on each ack. A consumer's leader that the others do not follow any more, as in a divided cluster, takes acks for
/// seconds, before 2.11.3 delivers as well, and none of it holds: the next leader delivers all of it again. So such an ack is waited for, and what a worker may
/// have to do twice is what it had in flight.
/// </remarks>
internal sealed class AckSender
{
    private static readonly ReadOnlyMemory<byte> Ack = "+ACK"u8.ToArray();

    // More than may be on its way unread: a server that reads nothing delivers nothing either.
    private const int Kept = 4096;

    // Longer than a leader goes on that the others do not follow.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Usual = TimeSpan.FromSeconds(1);

    // Longer than servers that do not hear each other take each other for present (StreamConsumer).
    private static readonly TimeSpan Old = TimeSpan.FromSeconds(4);

    private readonly NatsLink _link;
    private readonly TimeProvider _time;
    private readonly string _prefix;
    private readonly ConcurrentDictionary<string, Agreement> _agreements = new();
    private readonly Lock _lock = new();
    private readonly Sent[] _last = new Sent[Kept];

    // When each stream was made that was looked at.
    private readonly ConcurrentDictionary<string, DateTimeOffset> _made = new();
    private DirectSubscription? _subscription;
    private int _next;

    public AckSender(NatsLink link, TimeProvider time)
    {
        (_link, _time) = (link, time);
        _prefix = $"{link.Connection.Opts.InboxPrefix}.{Guid.NewGuid():N}";
        link.Connection.ConnectionOpened += (_, _) => ReopenedAsync();
        link.Connection.ConnectionDisconnected += (_, _) => OnLost();
    }

    public NatsHeaderParser Headers => _link.Connection.HeaderParser;

    // Each start of a server has an id of its own.
    private string Server => _link.Connection.ServerInfo?.Id ?? "";

    /// <summary>Makes ready for the servers' words of acks.</summary>
    public async Task OpenAsync(CancellationToken ct) =>
        _subscription ??= await DirectSubscription.OpenAsync(_link.Connection, $"{_prefix}.>", (subject, _, headers, _) => Answer(subject, isAgreed: headers is null), ct);

    /// <summary>Hears the servers' words no longer.</summary>
    public ValueTask CloseAsync() => _subscription?.DisposeAsync() ?? ValueTask.CompletedTask;

    /// <summary>A stream was looked at. Acks of messages that are older than it are not sent again: another had its name before, and gave the same numbers to other messages.</summary>
    public void Saw(string stream, DateTimeOffset made) => _made[stream] = made;

    /// <summary>No ack of the stream's messages is sent again: they are others now, or have come back to be delivered.</summary>
    public void Forget(string stream)
    {
        lock (_lock)
        {
            for (var i = 0; i < Kept; i++)
            {
                if (_last[i].Place.Stream == stream)
                {
                    _last[i] = default;
                }
            }
        }
    }

    /// <summary>Sends an ack.</summary>
    public ValueTask AckAsync(DeliveryAddress address, CancellationToken ct)
    {
        Remember(Server, address);
        return SendAsync(address.Reply, Ack, ct);
    }

    /// <summary>Sends an ack, and returns once the stream's servers have agreed on it.</summary>
    /// <param name="address">The delivery.</param>
    /// <param name="made">When its consumer was made, in ticks.</param>
    /// <param name="ct">Waits no longer.</param>
    /// <exception cref="NatsException">They have not, and why; or there is no connection.</exception>
    public async Task AgreeAsync(DeliveryAddress address, long made, CancellationToken ct)
    {
        // A message that is delivered anew meanwhile is acked under the same name: a server remembers one for each message.
        var name = $"{_prefix}.{address.Reply.AsSpan(address.Consumer)}.{address.Place.Sequence}";
        var agreement = _agreements.GetOrAdd(name, static (_, of) => of, new Agreement(address, made, Server, _time.GetTimestamp()));
        try
        {
            await SendAsync(address.Reply, Ack, ct, name);
            await agreement.Reached.Task.WaitAsync(Patience, _time, ct);
        }
        catch (TimeoutException)
        {
            agreement.Reached.TrySetResult($"no word of it within {Patience.TotalSeconds:0} s");
        }
        catch (Exception fault)
        {
            // Whoever waits for it as well: its answer is looked for no longer.
            agreement.Reached.TrySetResult(fault.Message);
            Remember(agreement.Server, address);
            throw;
        }
        finally
        {
            _agreements.TryRemove(new(name, agreement));
        }

        if (await agreement.Reached.Task is { } trouble)
        {
            throw new NatsException($"the servers of the stream did not agree on the ack: {trouble}");
        }
    }

    /// <summary>The consumers, as STREAM.CONSUMER, of which an ack is waited for longer than usual.</summary>
    public IEnumerable<string> Slow() => SlowerThan(Usual).Select(waiting => waiting.Value.Consumer).Distinct();

    /// <summary>Waits no longer for acks of another consumer of the name: the present one was never told of them.</summary>
    /// <param name="consumer">Which, as STREAM.CONSUMER.</param>
    /// <param name="made">When the present one was made, in ticks; null for none.</param>
    public void GiveUpOthers(string consumer, long? made)
    {
        foreach (var (_, agreement) in _agreements.Where(waiting => waiting.Value.Consumer == consumer && waiting.Value.Made != made))
        {
            agreement.Reached.TrySetResult("its consumer is gone");
        }
    }

    /// <summary>Waits no longer for old acks of messages that the consumer, whose servers hear each other, has not delivered: it never answers them.</summary>
    /// <param name="consumer">Which, as STREAM.CONSUMER.</param>
    /// <param name="delivered">The last message that it has delivered.</param>
    public void GiveUpUndelivered(string consumer, ulong delivered)
    {
        foreach (var (_, agreement) in SlowerThan(Old).Where(waiting => waiting.Value.Consumer == consumer && waiting.Value.Sequence > delivered))
        {
            agreement.Reached.TrySetResult("its consumer does not know of the delivery");
        }
    }

    /// <summary>
    /// Sends acks again that are waited for longer than usual, for they or their answers may be lost. Only after a look at the consumer has shown that it is the
    /// one that delivered: one that was made anew, with its stream, gives the same numbers to other messages.
    /// </summary>
    /// <param name="consumer">Which, as STREAM.CONSUMER.</param>
    /// <param name="made">When the consumer was made that was looked at, in ticks.</param>
    /// <returns>How many.</returns>
    public async Task<int> RepeatAsync(string consumer, long made)
    {
        var slow = SlowerThan(Usual).Where(waiting => waiting.Value.Consumer == consumer && waiting.Value.Made == made).ToList();
        foreach (var (name, agreement) in slow)
        {
            await SendAsync(agreement.Reply, Ack, CancellationToken.None, name);
        }

        return slow.Count;
    }

    public ValueTask SendAsync(string subject, ReadOnlyMemory<byte> word, CancellationToken ct, string? answersTo = null) => _link.IsOpen
        ? _link.Connection.PublishAsync(subject, word, replyTo: answersTo, serializer: NatsRawSerializer<ReadOnlyMemory<byte>>.Default, cancellationToken: ct)
        : throw new NatsException($"NATS is away: {_link.Trouble}");

    // Headers come with a status only: nobody serves the consumer.
    private void Answer(string name, bool isAgreed)
    {
        if (_agreements.TryGetValue(name, out var agreement))
        {
            agreement.Reached.TrySetResult(isAgreed ? null : "nobody serves the consumer");
        }
    }

    private ValueTask OnLost()
    {
        foreach (var (_, agreement) in _agreements)
        {
            // At once: it may be back before whoever waits for the ack goes on.
            Remember(agreement.Server, agreement.Address);
            agreement.Reached.TrySetResult("the connection is lost");
        }

        return ValueTask.CompletedTask;
    }

    private IEnumerable<KeyValuePair<string, Agreement>> SlowerThan(TimeSpan age) => _agreements.Where(waiting => _time.GetElapsedTime(waiting.Value.Since) > age);

    private void Remember(string server, DeliveryAddress address)
    {
        lock (_lock)
        {
            _last[_next] = new Sent(server, address.Reply, address.Place);
            _next = (_next + 1) % Kept;
        }
    }

    private async ValueTask ReopenedAsync()
    {
        string[] last;
        lock (_lock)
        {
            last = [.. _last.Where(ack => ack.Server == Server && ack.Place.Stored >= _made.GetValueOrDefault(ack.Place.Stream)).Select(ack => ack.Reply)];
            Array.Clear(_last);
        }

        foreach (var reply in last)
        {
            await _link.Connection.PublishAsync(reply, Ack, serializer: NatsRawSerializer<ReadOnlyMemory<byte>>.Default);
        }
    }

    private readonly record struct Sent(string Server, string Reply, MessagePlace Place);

    // Reached: null if they agreed, otherwise why not.
    private sealed class Agreement(DeliveryAddress address, long made, string server, long since)
    {
        public DeliveryAddress Address => address;

        public string Reply => address.Reply;

        public string Consumer { get; } = address.Reply[address.Consumer];

        public ulong Sequence => address.Place.Sequence;

        public long Made => made;

        /// <summary>Where the ack was sent first.</summary>
        public string Server => server;

        public long Since => since;

        public TaskCompletionSource<string?> Reached { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
