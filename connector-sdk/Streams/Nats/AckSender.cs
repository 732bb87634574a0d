using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using NATS.Client.Core;

namespace Connectors.Streams.Nats;

/// <summary>Sends acks. Those of a message that one server holds are not waited for; what may not have arrived of them is <see cref="OwedAcks"/>.</summary>
/// <remarks>
/// Of a replicated stream the servers agree on each ack. A consumer's leader that the others do not follow any more, as in a divided cluster, takes acks for
/// seconds, before 2.11.3 delivers as well, and none of it holds: the next leader delivers all of it again. So such an ack is waited for, and what a worker may
/// have to do twice is what it had in flight. One of which the connection is lost meanwhile is owed.
/// </remarks>
internal sealed class AckSender
{
    private static readonly ReadOnlyMemory<byte> Ack = "+ACK"u8.ToArray();

    // Longer than a leader goes on that the others do not follow.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Usual = TimeSpan.FromSeconds(1);

    // Longer than servers that do not hear each other take each other for present (StreamConsumer).
    private static readonly TimeSpan Old = TimeSpan.FromSeconds(4);

    private readonly NatsLink _link;
    private readonly TimeProvider _time;
    private readonly string _prefix;
    private readonly ConcurrentDictionary<string, Agreement> _agreements = new();
    private readonly OwedAcks _owed;
    private DirectSubscription? _subscription;

    public AckSender(NatsLink link, TimeProvider time)
    {
        (_link, _time) = (link, time);
        Numbers = new Numbers(link, time);
        _owed = new OwedAcks(link, Numbers, (reply, ct) => SendAsync(reply, Ack, ct));
        _prefix = $"{link.Connection.Opts.InboxPrefix}.{Guid.NewGuid():N}";
        link.Connection.ConnectionOpened += (_, _) => OnOpened();
        link.Connection.ConnectionDisconnected += (_, _) => OnLost();
    }

    /// <summary>What the numbers of messages mean.</summary>
    public Numbers Numbers { get; }

    public NatsHeaderParser Headers => _link.Connection.HeaderParser;

    /// <summary>Makes ready for the servers' words of acks.</summary>
    public async Task OpenAsync(CancellationToken ct) =>
        _subscription ??= await DirectSubscription.OpenAsync(_link.Connection, $"{_prefix}.>", (subject, _, headers, _) => Answer(subject, isAgreed: headers is null), ct);

    /// <summary>Hears the servers' words no longer.</summary>
    public ValueTask CloseAsync() => _subscription?.DisposeAsync() ?? ValueTask.CompletedTask;

    /// <summary>No ack of the stream's messages is sent again, or sent late: they are others now, or have come back to be delivered.</summary>
    public void Forget(string stream) => _owed.Forget(stream);

    /// <summary>Sends an ack, unless its message is gone.</summary>
    /// <remarks>Where others are writing too, it waits for them: nothing is allocated for that either.</remarks>
    /// <exception cref="NatsException">It cannot be sent now, and is owed.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask AckAsync(Delivery delivery, CancellationToken ct)
    {
        try
        {
            if (await delivery.IsThereAsync(ct))
            {
                await _owed.SendAsync(new NumberedAck(delivery.Address, delivery.Numbering), ct);
            }
        }
        catch (Exception)
        {
            _owed.Add(new NumberedAck(delivery.Address, delivery.Numbering));
            throw;
        }
    }

    /// <summary>Sends an ack, and returns once the stream's servers have agreed on it, or its message is gone.</summary>
    /// <param name="delivery">The delivery.</param>
    /// <param name="made">When its consumer was made, in ticks.</param>
    /// <param name="ct">Waits no longer.</param>
    /// <exception cref="NatsException">They have not, and why; or there is no connection.</exception>
    public async Task AgreeAsync(Delivery delivery, long made, CancellationToken ct)
    {
        // A message that is delivered anew meanwhile is acked under the same name: a server remembers one for each message. Another of its number has its own.
        var (address, place) = (delivery.Address, delivery.Place);
        var name = $"{_prefix}.{address.Reply.AsSpan(address.Consumer)}.{place.Sequence}.{place.Stored.ToUnixTimeMilliseconds()}";
        var agreement = _agreements.GetOrAdd(name, static (_, of) => of, new Agreement(delivery, made, _time.GetTimestamp()));
        try
        {
            await BeginAsync(agreement, name, ct);
            await agreement.Reached.Task.WaitAsync(Patience, _time, ct);
        }
        catch (TimeoutException)
        {
            agreement.Reached.TrySetResult($"no word of it within {Patience.TotalSeconds:0} s");
        }
        catch (Exception fault)
        {
            // Whoever waits for it as well: its answer is looked for no longer.
            End(agreement, fault.Message);
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

    /// <summary>Sends what is owed, and again what a lost connection may have lost, as far as that can be done now.</summary>
    public Task SendOwedAsync() => _owed.SendAllAsync();

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
            await SendAsync(agreement, name, CancellationToken.None);
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

    // What cannot be sent now, or not be looked up, is by RepeatAsync, as long as there is a connection.
    private async Task BeginAsync(Agreement agreement, string name, CancellationToken ct)
    {
        try
        {
            await SendAsync(agreement, name, ct);
        }
        catch (NatsException) when (_link.IsOpen)
        {
            // Not yet.
        }
    }

    private async Task SendAsync(Agreement agreement, string name, CancellationToken ct)
    {
        if (await agreement.Delivery.IsThereAsync(ct))
        {
            await SendAsync(agreement.Delivery.Address.Reply, Ack, ct, name);
            agreement.Delivery.MayBeAcked = true;
        }
        else
        {
            agreement.Reached.TrySetResult(null);
        }
    }

    // Whoever is told of the connection next waits for nothing that is sent.
    private ValueTask OnOpened()
    {
        _owed.OnOpened();
        return ValueTask.CompletedTask;
    }

    private ValueTask OnLost()
    {
        foreach (var (_, agreement) in _agreements)
        {
            // At once: it may be back before whoever waits for the ack goes on.
            End(agreement, "the connection is lost");
        }

        return ValueTask.CompletedTask;
    }

    // Unless it was reached, or is given up already.
    private void End(Agreement agreement, string trouble)
    {
        if (agreement.Reached.TrySetResult(trouble))
        {
            _owed.Add(new NumberedAck(agreement.Delivery.Address, agreement.Delivery.Numbering) { MayHaveArrived = agreement.Delivery.MayBeAcked });
        }
    }

    private IEnumerable<KeyValuePair<string, Agreement>> SlowerThan(TimeSpan age) => _agreements.Where(waiting => _time.GetElapsedTime(waiting.Value.Since) > age);

    // Reached: null if they agreed, otherwise why not.
    private sealed class Agreement(Delivery delivery, long made, long since)
    {
        public Delivery Delivery => delivery;

        public string Consumer { get; } = delivery.Address.Reply[delivery.Address.Consumer];

        public ulong Sequence => delivery.Place.Sequence;

        public long Made => made;

        public long Since => since;

        public TaskCompletionSource<string?> Reached { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
