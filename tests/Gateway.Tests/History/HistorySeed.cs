using System.Buffers;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using NATS.Client.Core;
using NATS.Client.JetStream;

namespace Connectors.Gateway.Tests.History;

/// <summary>A queue's history as a worker writes it.</summary>
public sealed class HistorySeed(INatsJSContext jetStream, string queue)
{
    private static readonly TimeSpan MaxAge = TimeSpan.FromDays(1);

    public string Queue => queue;

    /// <summary>Makes its stream; the server sets the room aside.</summary>
    public async Task<HistorySeed> CreateAsync(long maxBytes = 1024 * 1024 * 1024)
    {
        await jetStream.CreateStreamAsync(StreamSetup.ConfigOf(StreamShape.History(queue, new StreamLimits(), maxBytes, MaxAge)));
        return this;
    }

    public static EndedCall Call(string function = "echo", string state = EndStates.Succeeded, string? id = null, DateTimeOffset? ended = null, params string[] tags)
    {
        var at = ended ?? TimeProvider.System.GetUtcNow();
        return new EndedCall
        {
            CallId = id ?? Guid.NewGuid().ToString(),
            DeliveryId = Guid.NewGuid().ToString(),
            Function = function,
            Namespace = "openfaas-fn",
            State = state,
            Reason = state == EndStates.Dead ? DeadReasons.Exhausted : null,
            Ended = at,
            Submitted = at.AddSeconds(-1),
            Status = state == EndStates.Succeeded ? 200 : 500,
            Attempts = 1,
            Sends = [new PastAttempt { At = at.AddSeconds(-0.5), Status = state == EndStates.Succeeded ? 200 : 500, Seconds = 0.25 }],
            Size = 3,
            ResultSize = 5,
            Tags = tags.Length > 0 ? tags : null,
        };
    }

    /// <summary>Writes calls as one message.</summary>
    public async Task WriteAsync(params EndedCall[] calls)
    {
        var ack = await jetStream.PublishAsync(StreamNames.HistorySubject(queue), Encode(calls), NatsRawSerializer<byte[]>.Default, new NatsJSPubOpts { RetryAttempts = 10 });
        ack.EnsureSuccess();
    }

    /// <summary>Writes many calls, a hundred to a message as a worker does.</summary>
    public async Task WriteManyAsync(int count, Func<int, EndedCall> call)
    {
        const int lines = 100;
        for (var first = 0; first < count; first += lines * 64)
        {
            await Task.WhenAll(Enumerable.Range(0, 64)
                .Select(batch => first + (batch * lines))
                .Where(from => from < count)
                .Select(from => WriteAsync([.. Enumerable.Range(from, Math.Min(lines, count - from)).Select(call)])));
        }
    }

    /// <summary>Calls as the lines of one message.</summary>
    public static byte[] Encode(params EndedCall[] calls)
    {
        var lines = new ArrayBufferWriter<byte>();
        foreach (var call in calls)
        {
            call.WriteTo(lines);
            lines.Write("\n"u8);
        }

        return lines.WrittenSpan.ToArray();
    }
}
