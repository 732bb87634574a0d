using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using Connectors.Testing;

namespace Connectors.QueueWorker.Tests;

/// <summary>Streams in the states that a dead worker or a full disk leaves behind.</summary>
internal static class Faults
{
    public static Task StoreRecordAsync(Bench bench, Envelope call, int status, int attempt = 1, DateTimeOffset? notBefore = null)
    {
        var record = new CallbackRecord { Status = status, Since = TimeProvider.System.GetUtcNow(), Attempt = attempt, NotBefore = notBefore };
        var id = attempt == 1 ? StreamNames.CallbackMessageId(call.DeliveryId, 0) : StreamNames.CallbackRetryMessageId(call.DeliveryId, 0, attempt);
        return bench.PublishAsync(
            StreamNames.CallbackSubject(bench.Queue, call.FunctionName),
            [],
            id,
            (EnvelopeCodec.HeaderName, EnvelopeCodec.Encode(call)),
            (CallbackRecord.HeaderName, record.Encode()));
    }

    // Room for one message, which is taken by one that no worker acks.
    public static async Task FillAsync(Bench bench, string stream, string subject)
    {
        await bench.PublishAsync(subject, [], null, (EnvelopeCodec.HeaderName, EnvelopeCodec.Encode(Bench.Call() with { Version = 99 })), (CallbackRecord.HeaderName, "{\"status\":1,\"since\":\"2026-01-01T00:00:00Z\"}"));
        await LimitAsync(bench, stream, 1);
    }

    public static Task MakeRoomAsync(Bench bench, string stream) => LimitAsync(bench, stream, -1);

    public static async Task LimitAsync(Bench bench, string stream, long messages)
    {
        var config = (await bench.JetStream.GetStreamAsync(stream)).Info.Config;
        config.MaxMsgs = messages;
        await bench.JetStream.UpdateStreamAsync(config);
    }

    public static Task RefusedAsync(Bench bench, string id, int times) =>
        Eventually.HoldsAsync(() => bench.Worker.Process.Lines.Count(l => l.Contains("Write was refused", StringComparison.Ordinal) && l.Contains(id, StringComparison.Ordinal)) >= times, $"refused {times} times");
}
