using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using NATS.Client.JetStream.Models;

namespace Connectors.QueueWorker.Consuming;

/// <summary>Our plain stream shapes in the broker client's words.</summary>
internal static class StreamConfigs
{
    public static StreamConfig From(StreamShape shape) => new(shape.Name, [shape.Subjects])
    {
        Retention = Retention(shape),
        Storage = shape.Storage == StreamStorage.File ? StreamConfigStorage.File : StreamConfigStorage.Memory,
        Discard = StreamConfigDiscard.New,
        NumReplicas = shape.Replicas,
        MaxBytes = shape.MaxBytes,
        MaxMsgs = shape.MaxMessages,
        MaxAge = shape.MaxAge,
        DuplicateWindow = shape.DuplicateWindow,
        AllowDirect = true,
        Republish = shape.Hints is { } hints ? new Republish { Src = shape.Subjects, Dest = hints, HeadersOnly = true } : null,
    };

    public static StreamConfigRetention Retention(StreamShape shape) =>
        shape.Retention == StreamRetention.WorkQueue ? StreamConfigRetention.Workqueue : StreamConfigRetention.Limits;
}
