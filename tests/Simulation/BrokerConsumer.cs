using System.Globalization;
using System.Text.RegularExpressions;
using NATS.Client.JetStream.Models;

namespace Connectors.Simulation.Tests;

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
        var pull = new PullRequest(from, reply, int.Parse(Batch().Match(words).Groups[1].ValueSpan, CultureInfo.InvariantCulture), words.Contains("max_bytes", StringComparison.Ordinal));
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
                if (pull.TellsEnd)
                {
                    pull.From.Send(config.Name!, pull.Reply, null, "NATS/1.0 409 Batch Completed\r\nNats-Pending-Messages: 0\r\n\r\n", default);
                }
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

    private sealed class PullRequest(SimulatedConnection from, string reply, int count, bool tellsEnd)
    {
        public bool TellsEnd => tellsEnd;

        public SimulatedConnection From => from;

        public string Reply => reply;

        public int Count { get; } = count;

        public int Left { get; set; } = count;
    }
}
