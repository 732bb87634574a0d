using System.Collections.Concurrent;
using NATS.Client.Core;

namespace Connectors.Streams.Nats;

/// <summary>
/// Sends acks. Those of a message that one server holds are not waited for. What a cut connection may have lost is sent again on the next one, if that leads to
/// the same server process: only there are stream and consumer surely those that the acks are for. Elsewhere the messages come again, and are acked then.
/// </summary>
/// <remarks>
/// Of a replicated stream the servers agree on each ack. A consumer's leader that the others do not follow any more, as in a divided cluster, takes acks for
/// seconds, before 2.12 delivers as well, and none of it holds: the next leader delivers all of it again. So such an ack is waited for, and what a worker may
/// have to do twice is what it had in flight.
/// </remarks>
internal sealed class AckSender
{
    private static readonly ReadOnlyMemory<byte> Ack = "+ACK"u8.ToArray();

    // More than may be on its way unread: a server that reads nothing delivers nothing either.
    private const int Kept = 4096;

    // Longer than a leader goes on that the others do not follow; who leads then is asked before.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Usual = TimeSpan.FromSeconds(1);

    private readonly NatsLink _link;
    private readonly TimeProvider _time;
    private readonly string _prefix;
    private readonly ConcurrentDictionary<string, Agreement> _agreements = new();
    private readonly Lock _lock = new();
    private readonly (string Server, string Reply)[] _last = new (string, string)[Kept];
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

    /// <summary>Sends an ack.</summary>
    public ValueTask AckAsync(string reply, CancellationToken ct, string? answersTo = null)
    {
        lock (_lock)
        {
            _last[_next] = (Server, reply);
            _next = (_next + 1) % Kept;
        }

        return SendAsync(reply, Ack, ct, answersTo);
    }

    /// <summary>Sends an ack, and returns once the stream's servers have agreed on it.</summary>
    /// <exception cref="NatsException">They have not, and why; or there is no connection.</exception>
    public async Task AgreeAsync(DeliveryAddress address, CancellationToken ct)
    {
        // A message that is delivered anew meanwhile is acked under the same name: a server remembers one for each message.
        var name = $"{_prefix}.{address.Reply.AsSpan(address.Consumer)}.{address.Place.Sequence}";
        var agreement = _agreements.GetOrAdd(
            name, static (_, at) => new Agreement(at.Consumer, at.Sequence, at.Now), (Consumer: address.Reply[address.Consumer], address.Place.Sequence, Now: _time.GetTimestamp()));
        try
        {
            await AckAsync(address.Reply, ct, name);
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
    public IEnumerable<string> Slow() =>
        _agreements.Values.Where(agreement => _time.GetElapsedTime(agreement.Since) > Usual).Select(agreement => agreement.Consumer).Distinct();

    /// <summary>Waits no longer for acks that nobody will answer.</summary>
    /// <param name="consumer">Whose, as STREAM.CONSUMER; null for all consumers'.</param>
    /// <param name="why">What happened.</param>
    /// <param name="above">Only of messages with a greater number.</param>
    public void GiveUp(string? consumer, string why, ulong above = 0)
    {
        foreach (var agreement in _agreements.Values.Where(agreement => (consumer is null || agreement.Consumer == consumer) && agreement.Sequence > above))
        {
            agreement.Reached.TrySetResult(why);
        }
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
        GiveUp(null, "the connection is lost");
        return ValueTask.CompletedTask;
    }

    private async ValueTask ReopenedAsync()
    {
        string[] last;
        lock (_lock)
        {
            last = [.. _last.Where(ack => ack.Server == Server).Select(ack => ack.Reply)];
            Array.Clear(_last);
        }

        foreach (var reply in last)
        {
            await _link.Connection.PublishAsync(reply, Ack, serializer: NatsRawSerializer<ReadOnlyMemory<byte>>.Default);
        }
    }

    // Reached: null if they agreed, otherwise why not.
    private sealed class Agreement(string consumer, ulong sequence, long since)
    {
        public string Consumer => consumer;

        public ulong Sequence => sequence;

        public long Since => since;

        public TaskCompletionSource<string?> Reached { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
