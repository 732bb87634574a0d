using System.Collections.Concurrent;
using NATS.Client.Core;

namespace Connectors.Streams.Nats;

/// <summary>
/// Sends acks. Those of a message that one server holds are not waited for. What a cut connection may have lost is sent again on the next one, if that leads to
/// the same server process: only there are stream and consumer surely those that the acks are for. Elsewhere the messages come again, and are acked then.
/// </summary>
/// <remarks>
/// Of a replicated stream the servers agree on each ack. A consumer's leader that the others do not follow any more, as in a divided cluster, delivers and takes
/// acks for seconds, and none of it holds: the next leader delivers all of it again. So such an ack is waited for, and what a worker may have to do twice is what
/// it had in flight. An ack is never sent a second time by itself: a stream that was made anew gives the same numbers to other messages.
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
    public ValueTask AckAsync(string reply, CancellationToken ct)
    {
        lock (_lock)
        {
            _last[_next] = (Server, reply);
            _next = (_next + 1) % Kept;
        }

        return SendAsync(reply, Ack, ct);
    }

    /// <summary>Sends an ack, and returns once the stream's servers have agreed on it.</summary>
    /// <exception cref="NatsException">They have not, and why; or there is no connection.</exception>
    public async Task AgreeAsync(DeliveryAddress address, CancellationToken ct)
    {
        // A message that is delivered anew meanwhile is acked under the same name: a server remembers one for each message.
        var name = $"{_prefix}.{address.Reply.AsSpan(address.Consumer)}.{address.Place.Sequence}";
        var agreement = _agreements.GetOrAdd(name, static (_, at) => new Agreement(at.Consumer, at.Now), (Consumer: address.Reply[address.Consumer], Now: _time.GetTimestamp()));
        try
        {
            await SendAsync(address.Reply, Ack, ct, name);
            await agreement.Reached.Task.WaitAsync(Patience, _time, ct);
        }
        catch (TimeoutException)
        {
            agreement.Reached.TrySetResult($"no word of it within {Patience.TotalSeconds:0} s");
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

    /// <summary>Waits no longer for acks: whoever led the consumer does not any more.</summary>
    /// <param name="consumer">The consumer as STREAM.CONSUMER; null for all of them.</param>
    /// <param name="why">What happened.</param>
    public void GiveUp(string? consumer, string why)
    {
        foreach (var agreement in _agreements.Values.Where(agreement => consumer is null || agreement.Consumer == consumer))
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
    private sealed class Agreement(string consumer, long since)
    {
        public string Consumer => consumer;

        public long Since => since;

        public TaskCompletionSource<string?> Reached { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
