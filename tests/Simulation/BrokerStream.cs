using System.Globalization;
using System.Text;
using NATS.Client.Core;
using NATS.Client.JetStream.Models;

namespace Connectors.Simulation.Tests;

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
