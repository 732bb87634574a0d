using System.Collections.Concurrent;
using NATS.Client.Core;

namespace Connectors.Streams.Nats;

/// <summary>
/// Acks that may not have arrived. Those that were sent last are sent again on the next connection, if that leads to the same server process, and their stream is
/// the same: there they are surely for these messages. Those that could not be sent at all are owed until they are: while the connection is stalled or lost, or
/// nobody tells whether their numbers still mean their messages (<see cref="Numbers"/>).
/// </summary>
/// <remarks>
/// <code>
/// made ─▶ sent ─▶ connection lost ─▶ to be repeated ─┬▶ sent       same process, same stream
///   │                                                └▶ dropped    else: if it did not arrive, its message comes again
///   └▶ cannot be sent, or was not agreed on ─▶ owed ─┬▶ sent       its number means its message
///                                                    └▶ dropped    else: the message is gone
/// </code>
/// </remarks>
/// <param name="link">The connection.</param>
/// <param name="numbers">What the numbers of messages mean.</param>
/// <param name="send">Sends an ack to the reply subject of its delivery; throws without a connection.</param>
internal sealed class OwedAcks(NatsLink link, Numbers numbers, Func<string, CancellationToken, ValueTask> send)
{
    // More than may be on its way unread: a server that reads nothing delivers nothing either.
    private const int Kept = 4096;

    // With those that are to be repeated.
    private readonly ConcurrentQueue<NumberedAck> _owed = new();

    // Over which connection each stream was seen to be the same.
    private readonly ConcurrentDictionary<string, int> _same = new();

    // Guards what was sent last, and that one at a time sends what is owed.
    private readonly Lock _lock = new();
    private readonly NumberedAck[] _last = new NumberedAck[Kept];
    private int _next;
    private int _connection;
    private Task _sending = Task.CompletedTask;

    /// <summary>Sends an ack, and remembers it.</summary>
    /// <exception cref="NatsException">It cannot be sent now.</exception>
    public ValueTask SendAsync(NumberedAck ack, CancellationToken ct)
    {
        lock (_lock)
        {
            _last[_next] = ack;
            _next = (_next + 1) % Kept;
        }

        return send(ack.Address.Reply, ct);
    }

    /// <summary>An ack is to be sent as soon as it can be. Of too many the oldest is left to redelivery.</summary>
    public void Add(NumberedAck ack)
    {
        while (_owed.Count >= 2 * Kept && _owed.TryDequeue(out _))
        {
        }

        _owed.Enqueue(ack);
    }

    /// <summary>None of the stream's messages is sent any more.</summary>
    public void Forget(string stream)
    {
        // Nothing is repeated once the numbering is another.
        numbers.Doubt();
        for (var left = _owed.Count; left > 0 && _owed.TryDequeue(out var owed); left--)
        {
            if (owed.Address.Place.Stream != stream)
            {
                _owed.Enqueue(owed);
            }
        }
    }

    /// <summary>There is another connection: what was sent last may be lost.</summary>
    public void OnOpened()
    {
        Interlocked.Increment(ref _connection);
        var now = numbers.Now;
        List<NumberedAck> last;
        lock (_lock)
        {
            last = [.. _last.Where(ack => ack.Numbering == now)];
            Array.Clear(_last);
        }

        foreach (var ack in last)
        {
            Add(ack with { IsRepeat = true });
        }

        _ = SendAllAsync();
    }

    /// <summary>Sends all of them, as far as that can be done now. Ends when that is done, whoever began it.</summary>
    public Task SendAllAsync()
    {
        lock (_lock)
        {
            if (_sending.IsCompleted && link.IsOpen && !_owed.IsEmpty)
            {
                _sending = BeginAsync();
            }

            return _sending;
        }
    }

    private async Task BeginAsync()
    {
        // Not under the lock of whoever began it.
        await Task.Yield();

        // Of a stream of which one cannot be sent, the others wait for the next check, and are tried before it.
        var failed = new Dictionary<string, NumberedAck>();
        for (var left = _owed.Count; left > 0 && link.IsOpen && _owed.TryDequeue(out var owed); left--)
        {
            var stream = owed.Address.Place.Stream;
            if (failed.ContainsKey(stream))
            {
                Add(owed);
            }
            else if (!await TrySendAsync(owed))
            {
                failed[stream] = owed;
            }
        }

        foreach (var owed in failed.Values)
        {
            Add(owed);
        }
    }

    // That it is owed was said when it could not be sent first.
    private async Task<bool> TrySendAsync(NumberedAck owed)
    {
        try
        {
            if (await IsSureAsync(owed))
            {
                await SendAsync(owed, CancellationToken.None);
            }
            else if (!owed.IsRepeat)
            {
                await SendIfThereAsync(owed);
            }

            return true;
        }
        catch (Exception)
        {
            // No connection takes it, or nobody tells of its stream.
            return false;
        }
    }

    private async Task SendIfThereAsync(NumberedAck owed)
    {
        var (now, place, subject) = (numbers.Now, owed.Address.Place, owed.Address.Subject);
        if (await numbers.MeansAsync(place, subject, CancellationToken.None))
        {
            await SendAsync(owed with { Numbering = now }, CancellationToken.None);
        }
        else if (!owed.MayHaveArrived)
        {
            numbers.TellLost(place, subject);
        }
    }

    // Whether its numbering holds. Another stream may have taken the place of one while there was no connection over which to hear of it.
    private async Task<bool> IsSureAsync(NumberedAck owed)
    {
        var (stream, connection) = (owed.Address.Place.Stream, Volatile.Read(ref _connection));
        if (owed.Numbering == numbers.Now && _same.GetValueOrDefault(stream, -1) != connection)
        {
            if (await numbers.IsSameAsync(stream))
            {
                _same[stream] = connection;
            }
            else
            {
                numbers.Doubt();
            }
        }

        return owed.Numbering == numbers.Now;
    }
}

/// <summary>An ack, and the last numbering under which its number was known to mean its message.</summary>
/// <param name="Address">The delivery.</param>
/// <param name="Numbering">The numbering.</param>
internal readonly record struct NumberedAck(DeliveryAddress Address, Numbering Numbering)
{
    /// <summary>Whether it was sent, and only its connection was lost: it is not worth a look at its message.</summary>
    public bool IsRepeat { get; init; }

    /// <summary>Whether it was sent, and not agreed on: if its message is gone, then for that.</summary>
    public bool MayHaveArrived { get; init; }
}
