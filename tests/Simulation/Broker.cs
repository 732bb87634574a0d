using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using NATS.Client.Core;
using NATS.Client.JetStream;
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

/// <summary>A message as a stream holds it.</summary>
internal sealed record StoredMessage(ulong Sequence, string Subject, string? Id, string Headers, ReadOnlyMemory<byte> Body, DateTimeOffset At)
{
    /// <summary>The value of a header; null without one.</summary>
    public string? Header(string name)
    {
        var start = Headers.IndexOf($"\r\n{name}: ", StringComparison.Ordinal);
        return start < 0 ? null : Headers[(start + name.Length + 4)..Headers.IndexOf("\r\n", start + 2, StringComparison.Ordinal)];
    }
}

/// <summary>What a stream does with what is published.</summary>
internal enum Mood
{
    Takes,
    Full,
    Leaderless,

    /// <summary>Stores, and its answer is lost.</summary>
    SilentStoring,

    /// <summary>Neither stores nor answers.</summary>
    Silent,
}

/// <summary>A stream.</summary>
internal sealed class BrokerStream(Broker broker, World world, StreamConfig config)
{
    private readonly Dictionary<string, StoredMessage> _ids = [];
    private ulong _last;

    public StreamConfig Config { get; set; } = config;

    public string Name => Config.Name!;

    public SortedDictionary<ulong, StoredMessage> Messages { get; } = [];

    public Dictionary<string, BrokerConsumer> Consumers { get; } = [];

    public Mood Mood { get; set; }

    public bool Takes(string subject) => Matches(Config.Subjects!.First(), subject);

    public static bool Matches(string filter, string subject)
    {
        if (!filter.Contains('*', StringComparison.Ordinal))
        {
            return filter.EndsWith('>') ? subject.AsSpan().StartsWith(filter.AsSpan(0, filter.Length - 1), StringComparison.Ordinal) : filter == subject;
        }

        var (wanted, given) = (filter.Split('.'), subject.Split('.'));
        return (wanted[^1] == ">" ? given.Length >= wanted.Length : given.Length == wanted.Length)
            && wanted.Zip(given).All(token => token.First is "*" or ">" || token.First == token.Second);
    }

    public StreamInfo Info() => new()
    {
        Config = Config,
        Created = DateTimeOffset.UnixEpoch,
        State = new StreamState
        {
            Messages = Messages.Count,
            FirstSeq = Messages.Count > 0 ? Messages.First().Key : _last + 1,
            LastSeq = _last,
            FirstTs = Messages.Count > 0 ? Messages.First().Value.At.ToString("O", CultureInfo.InvariantCulture) : "",
            Subjects = Messages.Values.GroupBy(message => message.Subject).ToDictionary(group => group.Key, group => (long)group.Count()),
        },
    };

    /// <summary>The consumer; null for none, or one that has lapsed.</summary>
    public BrokerConsumer? Consumer(string name)
    {
        if (Consumers.TryGetValue(name, out var consumer) && consumer.HasLapsed)
        {
            Consumers.Remove(name);
            return null;
        }

        return consumer;
    }

    public BrokerConsumer EnsureConsumer(ConsumerConfig config)
    {
        if (Consumer(config.Name!) is { } there)
        {
            return there;
        }

        return Consumers[config.Name!] = new BrokerConsumer(this, world, config);
    }

    /// <summary>Deletes a consumer: whoever pulls is told, and what it delivered is delivered anew by the next of its name.</summary>
    public void Delete(string consumer)
    {
        if (Consumers.Remove(consumer, out var gone))
        {
            gone.Deleted();
        }
    }

    public void Publish(SimulatedConnection from, string subject, string? reply, NatsHeaders? headers, ReadOnlyMemory<byte> body)
    {
        switch (Mood)
        {
            case Mood.Full:
                Answer("""{"error":{"code":503,"err_code":10077,"description":"maximum messages exceeded"},"stream":"x","seq":0}""");
                return;
            case Mood.Leaderless:
                from.Send(Name, reply!, null, "NATS/1.0 503\r\n\r\n", default);
                return;
            case Mood.Silent:
                return;
        }

        var id = headers is not null && headers.TryGetValue("Nats-Msg-Id", out var given) ? given.ToString() : null;
        if (id is not null && _ids.TryGetValue(id, out var first) && world.Now - first.At < Config.DuplicateWindow)
        {
            Answer(string.Create(CultureInfo.InvariantCulture, $$"""{"stream":"{{Name}}","seq":{{first.Sequence}},"duplicate":true}"""));
            return;
        }

        var stored = Store(subject, id, Text(headers), body);
        Answer(string.Create(CultureInfo.InvariantCulture, $$"""{"stream":"{{Name}}","seq":{{stored.Sequence}}}"""));

        void Answer(string json)
        {
            if (Mood != Mood.SilentStoring && reply is not null)
            {
                from.Send(Name, reply, null, null, Encoding.ASCII.GetBytes(json));
            }
        }
    }

    public StoredMessage Store(string subject, string? id, string headers, ReadOnlyMemory<byte> body)
    {
        var stored = new StoredMessage(++_last, subject, id, headers, body, world.Now);
        Messages[stored.Sequence] = stored;
        if (id is not null)
        {
            _ids[id] = stored;
        }

        broker.Stored?.Invoke(this, stored);
        foreach (var consumer in Consumers.Values)
        {
            consumer.Found();
        }

        if (Config.Republish is not null)
        {
            foreach (var connection in broker.Connections)
            {
                connection.Send("hint", $"OF_HINT.{subject}", null, headers, default);
            }
        }

        return stored;
    }

    public void Remove(ulong sequence)
    {
        if (Config.Retention == StreamConfigRetention.Workqueue)
        {
            Messages.Remove(sequence);
        }
    }

    /// <summary>The server was restarted: it reads what it has stored.</summary>
    public void Restart()
    {
        foreach (var (name, consumer) in Consumers.ToList())
        {
            if (consumer.Config.MemStorage)
            {
                Consumers.Remove(name);
            }
        }

        foreach (var (id, message) in _ids.ToList())
        {
            if (!Messages.ContainsKey(message.Sequence))
            {
                _ids.Remove(id);
            }
        }
    }

    private static string Text(NatsHeaders? headers)
    {
        var text = new StringBuilder("NATS/1.0\r\n");
        foreach (var (name, value) in headers ?? [])
        {
            text.Append(name).Append(": ").Append(value.ToString()).Append("\r\n");
        }

        return text.Append("\r\n").ToString();
    }
}

/// <summary>A pull consumer: which messages it has delivered and to be acked until when, and who pulls.</summary>
internal sealed partial class BrokerConsumer(BrokerStream stream, World world, ConsumerConfig config)
{
    private readonly Dictionary<ulong, TimeSpan> _leases = [];
    private readonly Dictionary<ulong, int> _counts = [];
    private readonly SortedSet<ulong> _again = [];
    private readonly List<PullRequest> _pulls = [];
    private ulong _next = 1;
    private ulong _delivered;
    private TimeSpan _lastUse = world.Elapsed;

    public ConsumerConfig Config => config;

    /// <summary>The last message that it has delivered.</summary>
    public ulong Last => _next - 1;

    public bool HasLapsed => config.InactiveThreshold > TimeSpan.Zero && _pulls.Count == 0 && world.Elapsed - _lastUse > config.InactiveThreshold;

    public void Pull(SimulatedConnection from, string reply, string words)
    {
        _lastUse = world.Elapsed;
        var pull = new PullRequest(from, reply, int.Parse(Batch().Match(words).Groups[1].ValueSpan, CultureInfo.InvariantCulture));
        _pulls.Add(pull);
        Deliver();
        if (pull.Left > 0 && words.Contains("no_wait", StringComparison.Ordinal))
        {
            End(pull, pull.Left < pull.Count ? "408 Request Timeout" : "404 No Messages");
        }
        else if (pull.Left > 0)
        {
            var expires = TimeSpan.FromTicks(long.Parse(Expires().Match(words).Groups[1].ValueSpan, CultureInfo.InvariantCulture) / 100);
            world.After(expires, () => End(pull, "408 Request Timeout"));
            Beat(pull);
        }
    }

    /// <summary>The stream has something new.</summary>
    public void Found()
    {
        if (_pulls.Count > 0)
        {
            Deliver();
        }
    }

    public void Acked(ulong sequence, string word)
    {
        if (!_leases.ContainsKey(sequence))
        {
            return;
        }

        _lastUse = world.Elapsed;
        if (word.StartsWith("+WPI", StringComparison.Ordinal))
        {
            Lease(sequence, config.AckWait);
        }
        else if (word.StartsWith("-NAK", StringComparison.Ordinal))
        {
            var delay = Delay().Match(word);
            Lease(sequence, delay.Success ? TimeSpan.FromTicks(long.Parse(delay.Groups[1].ValueSpan, CultureInfo.InvariantCulture) / 100) : TimeSpan.Zero);
        }
        else
        {
            _leases.Remove(sequence);
            _again.Remove(sequence);
            stream.Remove(sequence);
        }
    }

    public void Forget(SimulatedConnection connection) => _pulls.RemoveAll(pull => pull.From == connection);

    public void Deleted()
    {
        foreach (var pull in _pulls)
        {
            pull.From.Send(config.Name!, pull.Reply, null, "NATS/1.0 409 Consumer Deleted\r\n\r\n", default);
        }

        _pulls.Clear();
        _leases.Clear();
    }

    private void Deliver()
    {
        while (_pulls.Count > 0 && Next() is { } message)
        {
            var pull = _pulls[0];
            var count = _counts[message.Sequence] = _counts.GetValueOrDefault(message.Sequence) + 1;
            Lease(message.Sequence, config.AckWait);
            _lastUse = world.Elapsed;
            var stored = message.At.ToUnixTimeMilliseconds() * 1_000_000;
            var reply = string.Create(CultureInfo.InvariantCulture, $"$JS.ACK.{stream.Name}.{config.Name}.{count}.{message.Sequence}.{++_delivered}.{stored}.0");
            pull.From.Send(config.Name!, message.Subject, reply, message.Headers, message.Body, pull.Reply);
            if (--pull.Left == 0)
            {
                _pulls.RemoveAt(0);
            }
        }
    }

    private StoredMessage? Next()
    {
        while (_again.Count > 0)
        {
            var first = _again.Min;
            _again.Remove(first);
            if (stream.Messages.TryGetValue(first, out var again))
            {
                return again;
            }

            _leases.Remove(first);
        }

        foreach (var (sequence, message) in stream.Messages)
        {
            if (sequence >= _next && BrokerStream.Matches(config.FilterSubject!, message.Subject))
            {
                _next = sequence + 1;
                return message;
            }
        }

        return null;
    }

    // Until then nobody else gets it.
    private void Lease(ulong sequence, TimeSpan span)
    {
        _leases[sequence] = world.Elapsed + span;
        world.After(span, () =>
        {
            if (_leases.TryGetValue(sequence, out var until) && until <= world.Elapsed && _again.Add(sequence))
            {
                Found();
            }
        });
    }

    private void Beat(PullRequest pull) => world.After(TimeSpan.FromSeconds(1), () =>
    {
        if (_pulls.Contains(pull))
        {
            pull.From.Send(config.Name!, pull.Reply, null, "NATS/1.0 100 Idle Heartbeat\r\n\r\n", default);
            Beat(pull);
        }
    });

    private void End(PullRequest pull, string status)
    {
        if (_pulls.Remove(pull))
        {
            var lacks = pull.Left < pull.Count ? string.Create(CultureInfo.InvariantCulture, $"Nats-Pending-Messages: {pull.Left}\r\n") : "";
            pull.From.Send(config.Name!, pull.Reply, null, $"NATS/1.0 {status}\r\n{lacks}\r\n", default);
        }
    }

    [GeneratedRegex("\"batch\":([0-9]+)")]
    private static partial Regex Batch();

    [GeneratedRegex("\"expires\":([0-9]+)")]
    private static partial Regex Expires();

    [GeneratedRegex("\"delay\":([0-9]+)")]
    private static partial Regex Delay();

    private sealed class PullRequest(SimulatedConnection from, string reply, int count)
    {
        public SimulatedConnection From => from;

        public string Reply => reply;

        public int Count { get; } = count;

        public int Left { get; set; } = count;
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
