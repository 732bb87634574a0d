using System.Globalization;
using System.Text;
using NATS.Client.Core;
using NATS.Client.JetStream.Models;

namespace Connectors.Simulation.Tests;

/// <summary>
/// A nats-server with JetStream, as far as a worker sees it: streams with message ids and work-queue retention, pull consumers with leases, naks and counts,
/// hints, buckets. What it forgets when it is restarted, and what it refuses, is that of nats-server 2.11.
/// </summary>
internal sealed class Broker(World world)
{
    private readonly Dictionary<string, BrokerStream> _streams = [];
    private readonly List<SimulatedConnection> _connections = [];
    private int _starts = 1;

    public Dictionary<string, BrokerBucket> Buckets { get; } = [];

    public bool IsDown { get; private set; }

    /// <summary>Each start has an id of its own.</summary>
    public string Id => $"server-{_starts}";

    public IReadOnlyList<SimulatedConnection> Connections => _connections;

    /// <summary>Called for each message that a stream has stored.</summary>
    public Action<BrokerStream, StoredMessage>? Stored { get; set; }

    public BrokerStream? Find(string stream) => _streams.GetValueOrDefault(stream);

    public BrokerStream Create(StreamConfig config) => _streams[config.Name!] = new BrokerStream(this, world, config);

    public BrokerBucket Bucket(string name) => Buckets.TryGetValue(name, out var bucket) ? bucket : Buckets[name] = new BrokerBucket(world, name);

    public void Connected(SimulatedConnection connection) => _connections.Add(connection);

    public void Disconnected(SimulatedConnection connection)
    {
        _connections.Remove(connection);
        foreach (var consumer in _streams.Values.SelectMany(stream => stream.Consumers.Values))
        {
            consumer.Forget(connection);
        }

        foreach (var bucket in Buckets.Values)
        {
            bucket.Forget(connection);
        }
    }

    /// <summary>Stops, and forgets what was in memory only.</summary>
    public void GoDown()
    {
        IsDown = true;
        foreach (var connection in _connections.ToList())
        {
            connection.Cut();
        }

        foreach (var stream in _streams.Values)
        {
            stream.Restart();
        }
    }

    public void ComeUp()
    {
        (IsDown, _starts) = (false, _starts + 1);
    }

    /// <summary>A message from a client.</summary>
    public void Take(SimulatedConnection from, string subject, string? reply, NatsHeaders? headers, ReadOnlyMemory<byte> body)
    {
        if (subject.StartsWith("$JS.ACK.", StringComparison.Ordinal))
        {
            Acked(subject, body.Span);
        }
        else if (subject.StartsWith("$JS.API.CONSUMER.MSG.NEXT.", StringComparison.Ordinal))
        {
            var names = subject["$JS.API.CONSUMER.MSG.NEXT.".Length..].Split('.');
            if (Find(names[0])?.Consumer(names[1]) is { } consumer)
            {
                consumer.Pull(from, reply!, Encoding.ASCII.GetString(body.Span));
            }
            else
            {
                from.Send("503", reply!, null, "NATS/1.0 503\r\n\r\n", default);
            }
        }
        else if (_streams.Values.FirstOrDefault(stream => stream.Takes(subject)) is { } stream)
        {
            stream.Publish(from, subject, reply, headers, body);
        }
        else if (reply is not null)
        {
            from.Send("503", reply, null, "NATS/1.0 503\r\n\r\n", default);
        }
    }

    // $JS.ACK.<stream>.<consumer>.<count>.<sequence>…
    private void Acked(string subject, ReadOnlySpan<byte> word)
    {
        var parts = subject.Split('.');
        if (Find(parts[2])?.Consumer(parts[3]) is { } consumer)
        {
            consumer.Acked(ulong.Parse(parts[5], CultureInfo.InvariantCulture), Encoding.ASCII.GetString(word));
        }
    }
}

/// <summary>A key-value bucket.</summary>
internal sealed class BrokerBucket(World world, string name)
{
    private readonly Dictionary<string, BucketValue> _values = [];
    private readonly List<(SimulatedConnection From, Action<BucketValue> Tell)> _watchers = [];
    private ulong _last;

    public string Name => name;

    public BucketValue? Find(string key) => _values.GetValueOrDefault(key);

    public ulong Put(string key, byte[]? value)
    {
        var entry = _values[key] = new BucketValue(key, value, ++_last, world.Now, 0);
        foreach (var (_, tell) in _watchers)
        {
            tell(entry);
        }

        return entry.Revision;
    }

    public void Watch(SimulatedConnection from, Action<BucketValue> tell, Action none)
    {
        var left = _values.Count;
        foreach (var entry in _values.Values.OrderBy(entry => entry.Revision))
        {
            tell(entry with { Delta = (ulong)--left });
        }

        if (_values.Count == 0)
        {
            none();
        }

        _watchers.Add((from, tell));
    }

    public void Forget(SimulatedConnection from) => _watchers.RemoveAll(watcher => watcher.From == from);
}

/// <summary>An entry of a bucket; deleted if it has no value.</summary>
internal sealed record BucketValue(string Key, byte[]? Value, ulong Revision, DateTimeOffset At, ulong Delta);
