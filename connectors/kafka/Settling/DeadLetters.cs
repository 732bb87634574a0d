using System.Globalization;
using System.Text;
using Confluent.Kafka;
using Connectors.Sdk.Invocation;

namespace Connectors.Kafka.Settling;

/// <summary>Writes dead letters: the record as it was, with its biography in <c>X-Dead-*</c> headers beside its own.</summary>
internal sealed class DeadLetters(KafkaOptions options, TimeProvider time, ILogger<DeadLetters> log) : IDisposable
{
    // Guards the producer: made at the first dead letter, and made anew when the credentials change.
    private readonly Lock _gate = new();
    private IProducer<byte[]?, byte[]?>? _producer;
    private Credentials? _credentials;

    /// <summary>True once the brokers have it. False, told and counted, if they did not take it: the event is then not done.</summary>
    public async Task<bool> TryPublishAsync(KafkaReceived received, Outcome outcome, int attempt, CancellationToken ct)
    {
        var topic = options.Failure.DeadLetterTopicOf(received.Event.Topic);
        try
        {
            await Producer().ProduceAsync(topic, Letter(received, outcome, attempt), ct);
            Metrics.DeadLettered(received.Event.Topic);
            return true;
        }
        catch (Exception fault)
        {
            Metrics.DeadLetterFailed(received.Event.Topic);
            Log.DeadLetterFailed(log, received.Event.Id, topic, fault.Message);
            return false;
        }
    }

    public void Dispose() => _producer?.Dispose();

    private IProducer<byte[]?, byte[]?> Producer()
    {
        lock (_gate)
        {
            var credentials = Credentials.Of(options.Broker);
            if (_producer is null || credentials != _credentials)
            {
                _producer?.Dispose();
                _credentials = credentials;
                _producer = new ProducerBuilder<byte[]?, byte[]?>(KafkaSettings.Producer(options))
                    .SetLogHandler((_, line) => ClientLog.Tell(log, line))
                    .SetErrorHandler((_, error) => ClientLog.Tell(log, error))
                    .Build();
            }

            return _producer;
        }
    }

    private Message<byte[]?, byte[]?> Letter(KafkaReceived received, Outcome outcome, int attempt)
    {
        var headers = new Headers();
        foreach (var header in received.Message.Headers ?? [])
        {
            headers.Add(header.Key, header.GetValueBytes());
        }

        foreach (var (name, value) in Biography(received, outcome, attempt))
        {
            headers.Remove(name);
            headers.Add(name, Encoding.UTF8.GetBytes(value));
        }

        return new Message<byte[]?, byte[]?> { Key = received.Message.Key, Value = received.Message.Value, Headers = headers };
    }

    private IEnumerable<(string Name, string Value)> Biography(KafkaReceived received, Outcome outcome, int attempt)
    {
        yield return ("X-Dead-Topic", received.Event.Topic);
        yield return ("X-Dead-Partition", Number(received.Partition.Name.Partition.Value));
        yield return ("X-Dead-Offset", Number(received.Offset));
        if (received.Message.Timestamp.Type != TimestampType.NotAvailable)
        {
            yield return ("X-Dead-Timestamp", Number(received.Message.Timestamp.UnixTimestampMs));
        }

        yield return ("X-Dead-Group", options.Group);
        yield return ("X-Dead-Reason", Reason(outcome));
        yield return ("X-Dead-Status", Number(outcome.Status));
        yield return ("X-Dead-Attempts", Number(attempt));
        yield return ("X-Dead-At", time.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));
    }

    private static string Reason(Outcome outcome) => outcome.Kind switch
    {
        OutcomeKind.TimedOut => $"timed out: {outcome.Error}",
        OutcomeKind.Unreachable => $"unreachable: {outcome.Error}",
        _ => outcome.Error ?? $"answered {outcome.Status}",
    };

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);
}
