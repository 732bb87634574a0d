using System.Globalization;
using System.Text;
using Confluent.Kafka;
using Connectors.Kafka.Client;
using Connectors.Kafka.Ordering;
using Connectors.Kafka.Records;
using Connectors.Sdk.Events;
using Connectors.Sdk.Invocation;
using Header = Connectors.Sdk.Invocation.Header;

namespace Connectors.Kafka.Settling;

/// <summary>Writes dead letters: the record as it was, with its biography in <c>X-Dead-*</c> headers beside its own.</summary>
internal sealed class DeadLetters(KafkaOptions options, TimeProvider time, ILogger<DeadLetters> log) : IAsyncDisposable
{
    private static readonly TimeSpan ClosingTime = TimeSpan.FromSeconds(2);

    // Guards the way, and what is known of each: made at the first dead letter, and made anew when the credentials change or its client has broken.
    private readonly Lock _gate = new();
    private Way? _way;

    // What is left out of a letter that the brokers take for too large, a step further each time. The last form always fits.
    [Flags]
    private enum Left
    {
        Nothing = 0,
        Headers = 1,
        Value = 2,
        Key = 4,
    }

    private static readonly Left[] Forms = [Left.Nothing, Left.Headers, Left.Headers | Left.Value | Left.Key];

    /// <summary>True once the brokers have it. False, told and counted, if they did not take it: the event is then not done.</summary>
    public async Task<bool> TryPublishAsync(InFlight record, Outcome outcome, int attempt, CancellationToken ct)
    {
        var topic = options.Failure.DeadLetterTopicOf(record.Event.Topic);
        try
        {
            await PublishAsync(topic, record, [.. Biography(record, outcome, attempt)], ct);
            Metrics.DeadLettered(record.Event.Topic);
            return true;
        }
        catch (Exception fault)
        {
            Metrics.DeadLetterFailed(record.Event.Topic);
            Log.DeadLetterFailed(log, record.Event.Id, topic, fault.Message);
            return false;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_way is { } way)
        {
            await Task.WhenAny(way.CloseAsync(), Task.Delay(ClosingTime, time, CancellationToken.None));
        }
    }

    private async Task PublishAsync(string topic, InFlight record, IReadOnlyList<Header> biography, CancellationToken ct)
    {
        foreach (var left in Forms)
        {
            var way = Take();
            try
            {
                await way.Producer.ProduceAsync(topic, Letter(record.Message, biography, left), ct);
                return;
            }
            catch (KafkaException fault) when (fault.Error.Code is ErrorCode.MsgSizeTooLarge or ErrorCode.RecordListTooLarge && left != Forms[^1])
            {
                Metrics.DeadLetterReduced(record.Event.Topic);
                Log.DeadLetterReduced(log, record.Event.Id, topic, fault.Error.Reason);
            }
            finally
            {
                Release(way);
            }
        }
    }

    private Way Take()
    {
        lock (_gate)
        {
            var credentials = Credentials.Of(options.Broker);
            if (_way is null || _way.IsBroken || credentials != _way.Credentials)
            {
                _way = Renew(_way, credentials);
            }

            _way.Letters++;
            return _way;
        }
    }

    // Certificate and key may change at different moments: what works goes on until a client takes what is there.
    private Way Renew(Way? old, Credentials credentials)
    {
        try
        {
            var way = new Way(options, credentials, log);
            CloseIfDone(old);
            return way;
        }
        catch (Exception fault) when (old is not null && ClientCheck.IsRefusal(fault))
        {
            return old;
        }
    }

    private void Release(Way way)
    {
        lock (_gate)
        {
            way.Letters--;
            CloseIfDone(way == _way ? null : way);
        }
    }

    // A producer that is disposed of forgets the letters that are on their way by it, and nobody would hear of them again.
    private static void CloseIfDone(Way? old)
    {
        if (old?.Letters == 0)
        {
            _ = old.CloseAsync();
        }
    }

    private static Message<byte[]?, byte[]?> Letter(Message<byte[]?, byte[]?> record, IReadOnlyList<Header> biography, Left left)
    {
        var headers = new Headers();
        foreach (var header in left.HasFlag(Left.Headers) ? [] : record.Headers ?? [])
        {
            headers.Add(header.Key, header.GetValueBytes());
        }

        foreach (var (name, value) in left == Left.Nothing ? biography : biography.Append(new Header("X-Dead-Dropped", Words(record, left))))
        {
            headers.Remove(name);
            headers.Add(name, Encoding.UTF8.GetBytes(value));
        }

        return new Message<byte[]?, byte[]?>
        {
            Key = left.HasFlag(Left.Key) ? null : record.Key,
            Value = left.HasFlag(Left.Value) ? null : record.Value,
            Headers = headers,
        };
    }

    // headers=3, value=1048000, key=12: how many, and how many bytes.
    private static string Words(Message<byte[]?, byte[]?> record, Left left) =>
        left.HasFlag(Left.Value)
            ? $"headers={record.Headers?.Count ?? 0} value={record.Value?.Length ?? 0} key={record.Key?.Length ?? 0}"
            : $"headers={record.Headers?.Count ?? 0}";

    private IEnumerable<Header> Biography(InFlight record, Outcome outcome, int attempt)
    {
        yield return new Header("X-Dead-Topic", record.Event.Topic);
        yield return new Header("X-Dead-Partition", Number(record.Partition.Name.Partition.Value));
        yield return new Header("X-Dead-Offset", Number(record.Offset));
        if (RecordEvent.HasTime(record.Message.Timestamp))
        {
            yield return new Header("X-Dead-Timestamp", Number(record.Message.Timestamp.UnixTimestampMs));
        }

        yield return new Header("X-Dead-Group", options.Subscription.Group);
        foreach (var header in DeadLetterHeaders.Of(outcome, attempt, time.GetUtcNow()))
        {
            yield return header;
        }
    }

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);

    /// <summary>A producer with the credentials that it was made with, and how many letters are on their way by it.</summary>
    private sealed class Way
    {
        private volatile bool _isBroken;

        public Way(KafkaOptions options, Credentials credentials, ILogger log)
        {
            Credentials = credentials;
            Producer = new ProducerBuilder<byte[]?, byte[]?>(ClientProperties.Producer(options))
                .SetLogHandler((_, line) => ClientLog.Tell(log, line))
                .SetErrorHandler((_, error) =>
                {
                    _isBroken |= error.IsFatal;
                    ClientLog.Tell(log, error);
                })
                .Build();
        }

        public IProducer<byte[]?, byte[]?> Producer { get; }

        public Credentials Credentials { get; }

        /// <summary>Whether the client writes nothing ever again, as an idempotent one after an error that leaves its order in doubt.</summary>
        public bool IsBroken => _isBroken;

        public int Letters { get; set; }

        public Task CloseAsync() => Blocking.RunAsync(Producer.Dispose, "kafka-close");
    }
}
