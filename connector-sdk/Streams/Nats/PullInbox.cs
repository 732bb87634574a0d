using System.Buffers;
using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.Extensions.Logging;
using NATS.Client.Core;
using NATS.Client.JetStream.Models;

namespace Connectors.Streams.Nats;

/// <summary>The one subscription over which the messages of all consumers come, and what the server has to say of pulls.</summary>
public sealed class PullInbox : IAsyncDisposable
{
    private static readonly TimeSpan CheckInterval = TimeSpan.FromMilliseconds(500);

    private readonly NatsLink _link;
    private readonly ILogger<PullInbox> _log;
    private readonly string _prefix;
    private readonly AckSender _acks;
    private readonly SeenStreams _seen;
    private readonly ConcurrentDictionary<int, StreamConsumer> _byId = new();
    private readonly ConcurrentDictionary<string, StreamConsumer> _byName = new();
    private readonly ConcurrentDictionary<string, StreamConsumer>.AlternateLookup<ReadOnlySpan<char>> _byNamePart;
    private readonly ITimer _checks;
    private DirectSubscription? _subscription;
    private int _lastId;

    /// <summary>Creates the inbox; it is opened before the first pull.</summary>
    public PullInbox(NatsLink link, TimeProvider time, ILogger<PullInbox> log)
    {
        (_link, _log) = (link, log);
        _prefix = $"{link.Connection.Opts.InboxPrefix}.{Guid.NewGuid():N}";
        _acks = new AckSender(link, time);
        _seen = new SeenStreams(link, time);
        Room = new PullRoom(link);
        _byNamePart = _byName.GetAlternateLookup<ReadOnlySpan<char>>();
        link.Connection.ConnectionDisconnected += (_, _) => OnLost();
        _checks = time.CreateTimer(_ => Check(), null, CheckInterval, CheckInterval);
    }

    /// <summary>Room for what is on its way.</summary>
    internal PullRoom Room { get; }

    /// <summary>Called for each message of which no ack, nak or renewal is sent any more, for its number means another, or none.</summary>
    public Action? MessageLost
    {
        get => _acks.Numbers.Lost;
        set => _acks.Numbers.Lost = value;
    }

    /// <summary>Whether pulls can be sent.</summary>
    internal bool IsOpen => _subscription is not null && _link.IsOpen;

    /// <summary>Subscribes, if that was not done yet.</summary>
    public async Task OpenAsync(CancellationToken ct)
    {
        await _acks.OpenAsync(ct);
        _subscription ??= await DirectSubscription.OpenAsync(_link.Connection, $"{_prefix}.>", Receive, ct);
    }

    /// <summary>Ends the subscription, and with it all pulls. What is on its way still comes before this returns.</summary>
    public async Task CloseAsync(CancellationToken ct)
    {
        if (_subscription is { } subscription)
        {
            _subscription = null;
            await subscription.DrainAsync(ct);
            foreach (var consumer in _byId.Values)
            {
                consumer.Forget();
            }
        }
    }

    /// <summary>A stream was looked at: of what was delivered by one before it, of its name, nothing is sent without a look at the message.</summary>
    /// <param name="stream">The stream as it was found.</param>
    /// <param name="asked">When it was asked for, as a timestamp.</param>
    /// <returns>Whether it is another one than before, or was restored: a message that was acked of it is then to run.</returns>
    public bool Saw(StreamInfo stream, long asked)
    {
        var name = stream.Config.Name!;
        _acks.Numbers.Saw(name, stream.Created);
        if (!_seen.IsAnother(stream, asked))
        {
            return false;
        }

        _acks.Forget(name);
        Log.StreamReplaced(_log, name);
        return true;
    }

    /// <summary>The shortest lease that a consumer gives, or this one if it is shorter.</summary>
    public TimeSpan ShortestLease(TimeSpan own) => _byId.Select(consumer => consumer.Value.AckWait).Append(own).Min();

    /// <summary>Returns once the server has read all acks that were sent before, and those that were owed, as far as they could be sent.</summary>
    /// <exception cref="NatsException">There is no connection.</exception>
    public async Task FlushAsync(CancellationToken ct)
    {
        if (!_link.IsOpen)
        {
            throw new NatsException($"NATS is away: {_link.Trouble}");
        }

        // Twice, for whoever sends already may have begun before the last of them was owed.
        await _acks.SendOwedAsync().WaitAsync(ct);
        await _acks.SendOwedAsync().WaitAsync(ct);
        await _link.Connection.PingAsync(ct).AsTask().WaitAsync(ct);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _checks.DisposeAsync();
        if (_subscription is not null)
        {
            await _subscription.DisposeAsync();
        }

        await _acks.CloseAsync();
    }

    internal int Add(StreamConsumer consumer)
    {
        var id = Interlocked.Increment(ref _lastId);
        _byId[id] = consumer;
        _byName[consumer.Key] = consumer;
        return id;
    }

    internal void Remove(StreamConsumer consumer)
    {
        _byId.TryRemove(consumer.Id, out _);
        _byName.TryRemove(new(consumer.Key, consumer));
    }

    internal ValueTask AskAsync(StreamConsumer consumer, string subject, long id, int count, PullSize size, byte[] words) => _link.Connection.PublishAsync(
        subject, words, replyTo: string.Create(CultureInfo.InvariantCulture, $"{_prefix}.{consumer.Id}.{id}.{count}.{(int)size}"), serializer: NatsRawSerializer<byte[]>.Default);

    /// <summary>Waits no longer for the acks of another consumer of the name.</summary>
    internal void GiveUpOthers(StreamConsumer consumer, long? made) => _acks.GiveUpOthers(consumer.Key, made);

    /// <summary>A consumer that was being asked was deleted, perhaps with its stream; or it is away, and in a cluster with it the one server that holds its stream.</summary>
    internal void Interrupted(StreamConsumer consumer, bool isDeleted)
    {
        if (isDeleted)
        {
            GiveUpOthers(consumer, null);
        }

        // What that server has lost it does not tell; one that stands alone ends the connection too.
        if (isDeleted || (!consumer.IsReplicated && _link.Connection.ServerInfo?.Cluster is { Length: > 0 }))
        {
            _acks.Numbers.Doubt();
        }
    }

    /// <summary>A consumer was looked at, of whose acks some are waited for longer than usual.</summary>
    /// <param name="consumer">The consumer.</param>
    /// <param name="made">When it was made, in ticks.</param>
    /// <param name="delivered">The last message that it has delivered; null if its servers do not hear each other.</param>
    internal async Task LookedAsync(StreamConsumer consumer, long made, ulong? delivered)
    {
        if (delivered is { } last)
        {
            _acks.GiveUpUndelivered(consumer.Key, last);
        }

        if (await _acks.RepeatAsync(consumer.Key, made) is > 0 and var waiting)
        {
            Log.AcksSlow(_log, consumer.Key, waiting, delivered is not null);
        }
    }

    internal void Report(StreamConsumer consumer, Exception fault) => Log.PullFailed(_log, consumer.Name, fault.Message);

    internal void Report(StreamConsumer consumer, string refusal) => Log.PullOverLimit(_log, consumer.Key, refusal);

    private void Check()
    {
        foreach (var consumer in _byId.Values)
        {
            consumer.Check();
        }

        _ = _acks.SendOwedAsync();
        foreach (var key in _acks.Slow())
        {
            if (_byName.TryGetValue(key, out var consumer))
            {
                _ = consumer.LookAsync();
            }
        }
    }

    private ValueTask OnLost()
    {
        foreach (var consumer in _byId.Values)
        {
            consumer.Forget();
        }

        return ValueTask.CompletedTask;
    }

    private void Receive(string subject, string? reply, ReadOnlySequence<byte>? headers, ReadOnlySequence<byte> body)
    {
        try
        {
            if (DeliveryAddress.Read(reply) is { } address)
            {
                if (_byNamePart.TryGetValue(address.Reply.AsSpan(address.Consumer), out var consumer))
                {
                    var bytes = new byte[(headers?.Length ?? 0) + body.Length];
                    headers?.CopyTo(bytes);
                    body.CopyTo(bytes.AsSpan((int)(headers?.Length ?? 0)));
                    var head = bytes.AsMemory(0, (int)(headers?.Length ?? 0));
                    consumer.Deliver(new Delivery(_acks, address, consumer.IsReplicated ? consumer.Made : null, subject, head, bytes.AsMemory(head.Length)));
                }
            }
            else if (headers is { } block)
            {
                Answer(subject, block);
            }
        }
        catch (Exception fault)
        {
            // One message may not end the subscription. It comes again when its lease ends.
            Log.PullFailed(_log, subject, fault.Message);
        }
    }

    // <prefix>.<consumer>.<pull>.<count>.<size>. The end of a pull says how many it lacks, or does not.
    private void Answer(string subject, ReadOnlySequence<byte> block)
    {
        var parts = subject[(_prefix.Length + 1)..].Split('.');
        if (parts.Length == 4
            && int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var consumer)
            && long.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var pull)
            && int.TryParse(parts[2], NumberStyles.None, CultureInfo.InvariantCulture, out var count)
            && int.TryParse(parts[3], NumberStyles.None, CultureInfo.InvariantCulture, out var size)
            && _byId.TryGetValue(consumer, out var asked))
        {
            // The one that comes for nearly each pull, and says nothing more.
            if (block.FirstSpan.StartsWith(Complete))
            {
                asked.Completed(pull);
                return;
            }

            var headers = new NatsHeaders();
            if (_link.Connection.HeaderParser.ParseHeaders(new SequenceReader<byte>(block), headers))
            {
                var hasPending = headers.TryGetValue("Nats-Pending-Messages", out var pending);
                int? lacking = hasPending && int.TryParse(pending.ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out var told) ? told : null;
                asked.Answer(pull, count, (PullSize)size, headers.Code, headers.MessageText, lacking);
            }
        }
    }

    private static ReadOnlySpan<byte> Complete => "NATS/1.0 409 Batch Completed\r\n"u8;
}
