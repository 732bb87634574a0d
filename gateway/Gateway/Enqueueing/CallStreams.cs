using System.Collections.Concurrent;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Connectors.Gateway.Enqueueing;

/// <summary>The streams of waiting calls: created if nobody did yet, looked at once if somebody did (design section 5).</summary>
internal sealed class CallStreams(NatsLink link, QueueOptions options)
{
    private const int NoSuchStream = 10059;
    private const int NameInUse = 10058;

    private readonly ConcurrentDictionary<string, bool> _ready = new();

    /// <summary>Returns once the queue's stream is there and is one of ours; throws <see cref="ForeignStreamException"/> if it is not.</summary>
    /// <param name="queue">The queue.</param>
    /// <param name="isMissing">Whether it did not answer for its subject: it may have been deleted, and is looked for again.</param>
    /// <param name="ct">Gives up.</param>
    public async Task EnsureAsync(string queue, bool isMissing, CancellationToken ct)
    {
        if (!isMissing && _ready.ContainsKey(queue))
        {
            return;
        }

        var shape = StreamShape.Calls(queue, options.Limits);
        if (await FindAsync(shape.Name, ct) is { } existing)
        {
            Check(existing, shape);
        }
        else
        {
            await CreateAsync(shape, ct);
        }

        _ready[queue] = true;
    }

    private async Task<StreamConfig?> FindAsync(string stream, CancellationToken ct)
    {
        try
        {
            return (await link.JetStream.GetStreamAsync(stream, cancellationToken: ct)).Info.Config;
        }
        catch (NatsJSApiException fault) when (fault.Error.ErrCode == NoSuchStream)
        {
            return null;
        }
    }

    private async Task CreateAsync(StreamShape shape, CancellationToken ct)
    {
        try
        {
            await link.JetStream.CreateStreamAsync(ConfigOf(shape), ct);
        }
        catch (NatsJSApiException fault) when (fault.Error.ErrCode == NameInUse)
        {
            // The worker was first, with limits of its own.
            Check(await FindAsync(shape.Name, ct) ?? throw new NatsJSException($"The stream {shape.Name} comes and goes."), shape);
        }
    }

    private static void Check(StreamConfig existing, StreamShape shape)
    {
        if (existing.Retention != RetentionOf(shape))
        {
            throw new ForeignStreamException(shape.Name, "retention", existing.Retention.ToString(), RetentionOf(shape).ToString());
        }

        var subjects = existing.Subjects ?? [];
        if (subjects.Count != 1 || subjects.First() != shape.Subjects)
        {
            throw new ForeignStreamException(shape.Name, "subjects", string.Join(' ', subjects), shape.Subjects);
        }
    }

    private static StreamConfig ConfigOf(StreamShape shape) => new(shape.Name, [shape.Subjects])
    {
        Retention = RetentionOf(shape),
        Storage = shape.Storage == StreamStorage.File ? StreamConfigStorage.File : StreamConfigStorage.Memory,
        NumReplicas = shape.Replicas,
        MaxBytes = shape.MaxBytes,
        MaxMsgs = shape.MaxMessages,
        MaxAge = shape.MaxAge,
        Discard = StreamConfigDiscard.New,
        DuplicateWindow = shape.DuplicateWindow,
    };

    private static StreamConfigRetention RetentionOf(StreamShape shape) =>
        shape.Retention == StreamRetention.WorkQueue ? StreamConfigRetention.Workqueue : StreamConfigRetention.Limits;
}
