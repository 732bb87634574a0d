using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Connectors.Gateway.Tests.Queues;

/// <summary>Queues as a worker leaves them: its streams, with what the test puts in.</summary>
public sealed class DeadLetterSeed(INatsJSContext jetStream, string queue)
{
    public string Queue => queue;

    public async Task<DeadLetterSeed> CreateAsync()
    {
        foreach (var shape in StreamShape.All(queue, new StreamLimits()))
        {
            await jetStream.CreateStreamAsync(new StreamConfig(shape.Name, [shape.Subjects])
            {
                Retention = shape.Retention == StreamRetention.WorkQueue ? StreamConfigRetention.Workqueue : StreamConfigRetention.Limits,
                Discard = StreamConfigDiscard.New,
                DuplicateWindow = shape.DuplicateWindow,
                AllowDirect = true,
            });
        }

        return this;
    }

    public static Envelope Call(string function = "echo", string? id = null) => new()
    {
        CallId = id ?? Guid.NewGuid().ToString(),
        DeliveryId = Guid.NewGuid().ToString(),
        Function = function,
        Namespace = "openfaas-fn",
        Submitted = TimeProvider.System.GetUtcNow(),
        Attempt = 3,
        NotBefore = TimeProvider.System.GetUtcNow(),
    };

    public async Task<ulong> DeadAsync(
        Envelope call, byte[]? body = null, DeadKind kind = DeadKind.Call, string reason = DeadReasons.Exhausted, CallbackRecord? callback = null)
    {
        var biography = new Biography { Reason = reason, Status = 500, Attempts = 3, FirstAt = call.Submitted, LastAt = TimeProvider.System.GetUtcNow(), Error = "boom" };
        var headers = new NatsHeaders { [EnvelopeCodec.HeaderName] = EnvelopeCodec.Encode(call), [Biography.HeaderName] = biography.Encode() };
        if (callback is not null)
        {
            headers[CallbackRecord.HeaderName] = callback.Encode();
        }

        return await PublishAsync(StreamNames.DeadSubject(queue, kind, call.FunctionName), body ?? [], headers);
    }

    public Task<ulong> WaitingAsync(Envelope call, byte[]? body = null) => PublishAsync(
        StreamNames.CallSubject(queue, call.Priority, call.FunctionName), body ?? [], new NatsHeaders { [EnvelopeCodec.HeaderName] = EnvelopeCodec.Encode(call) });

    public Task<ulong> DelayedAsync(Envelope call) => PublishAsync(
        StreamNames.AsideSubject(queue, AsideGroup.At(TimeProvider.System.GetUtcNow().AddDays(1)), call.Priority, call.FunctionName),
        [],
        new NatsHeaders { [EnvelopeCodec.HeaderName] = EnvelopeCodec.Encode(call) });

    public Task<ulong> HeldAsync(Envelope call) => PublishAsync(
        StreamNames.AsideSubject(queue, AsideGroup.Held(call.FunctionName), call.Priority, call.FunctionName), [], new NatsHeaders { [EnvelopeCodec.HeaderName] = EnvelopeCodec.Encode(call) });

    /// <summary>Many at once that are held because their function is paused.</summary>
    public Task HeldAsync(int count, byte[]? body = null) => Parallel.ForEachAsync(Enumerable.Range(0, count), new ParallelOptions { MaxDegreeOfParallelism = 64 }, async (_, _) =>
    {
        var call = Call("paused");
        await PublishAsync(
            StreamNames.AsideSubject(queue, AsideGroup.Held(call.FunctionName), call.Priority, call.FunctionName), body ?? [], new NatsHeaders { [EnvelopeCodec.HeaderName] = EnvelopeCodec.Encode(call) });
    });

    public Task<ulong> TellingAsync(Envelope call, CallbackRecord? callback = null)
    {
        var headers = new NatsHeaders { [EnvelopeCodec.HeaderName] = EnvelopeCodec.Encode(call) };
        if (callback is not null)
        {
            headers[CallbackRecord.HeaderName] = callback.Encode();
        }

        return PublishAsync(StreamNames.CallbackSubject(queue, call.FunctionName), [], headers);
    }

    /// <summary>Many at once, without any order among them.</summary>
    public Task DeadAsync(int count, Func<int, Envelope> call) =>
        Parallel.ForEachAsync(Enumerable.Range(0, count), new ParallelOptions { MaxDegreeOfParallelism = 64 }, async (i, _) => await DeadAsync(call(i)));

    public async Task<ulong> PublishAsync(string subject, byte[] body, NatsHeaders headers)
    {
        var ack = await jetStream.PublishAsync(subject, body, NatsRawSerializer<byte[]>.Default, new NatsJSPubOpts { RetryAttempts = 10 }, headers);
        ack.EnsureSuccess();
        return ack.Seq;
    }

    public async Task<long> CountAsync(string stream) => (await jetStream.GetStreamAsync(stream)).Info.State.Messages;
}
