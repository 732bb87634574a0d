using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using Connectors.Sdk.Hosting;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Connectors.QueueWorker.Consuming;

/// <summary>Creates what is missing of a queue's streams and consumers, and refuses what is not ours.</summary>
internal sealed class StreamSetup(NatsLink link, ILogger<StreamSetup> log)
{
    /// <summary>The server's code for filters that overlap with another consumer's.</summary>
    public const int NotUnique = 10100;

    private const int NotFound = 404;

    /// <summary>Makes sure that the stream exists as it should, and returns it with the counts of its subjects.</summary>
    public async Task<StreamInfo> EnsureAsync(StreamShape shape, bool isFirst, CancellationToken ct)
    {
        var stream = await FindAsync(shape.Name, ct);
        if (stream is null)
        {
            stream = await CreateAsync(shape, ct);
            Log.StreamCreated(log, isFirst ? LogLevel.Information : LogLevel.Warning, shape.Name);
        }

        Check(shape, stream.Info.Config);
        if (isFirst && Change(shape, stream.Info.Config) is { } changed)
        {
            var updated = await link.JetStream.UpdateStreamAsync(changed, ct);
            Log.StreamUpdated(log, shape.Name);
            return stream.Info with { Config = updated.Info.Config };
        }

        return stream.Info;
    }

    /// <summary>Makes sure that the consumer exists, and returns it. One that lapses by itself is simply made, without a word.</summary>
    public async Task<INatsJSConsumer> EnsureConsumerAsync(string stream, ConsumerConfig config, bool isFirst, CancellationToken ct)
    {
        if (config.InactiveThreshold > TimeSpan.Zero)
        {
            return await link.JetStream.CreateOrUpdateConsumerAsync(stream, config, ct);
        }

        try
        {
            var consumer = await link.JetStream.GetConsumerAsync(stream, config.Name!, ct);
            if (consumer.Info.Config.AckWait == config.AckWait)
            {
                return consumer;
            }
        }
        catch (NatsJSApiException missing) when (missing.Error.Code == NotFound)
        {
            Log.ConsumerCreated(log, isFirst ? LogLevel.Information : LogLevel.Warning, stream, config.Name!);
        }

        return await link.JetStream.CreateOrUpdateConsumerAsync(stream, config, ct);
    }

    private async Task<INatsJSStream?> FindAsync(string name, CancellationToken ct)
    {
        try
        {
            return await link.JetStream.GetStreamAsync(name, new StreamInfoRequest { SubjectsFilter = ">" }, ct);
        }
        catch (NatsJSApiException missing) when (missing.Error.Code == NotFound)
        {
            return null;
        }
    }

    private async Task<INatsJSStream> CreateAsync(StreamShape shape, CancellationToken ct)
    {
        try
        {
            return await link.JetStream.CreateStreamAsync(StreamConfigs.From(shape), ct);
        }
        catch (NatsJSApiException fault) when (fault.Error.Code != 503)
        {
            // Gateway or another worker was quicker, perhaps with other limits; or the server cannot make such a stream.
            return await FindAsync(shape.Name, ct)
                ?? throw new ConfigurationException($"stream {shape.Name} cannot be created: {fault.Error.Description}. Set nats_stream_storage, nats_stream_replicas, nats_max_bytes to what the server allows");
        }
    }

    private static void Check(StreamShape shape, StreamConfig found)
    {
        if (found.Retention != StreamConfigs.Retention(shape))
        {
            throw new ConfigurationException(
                $"stream {shape.Name}: retention is {found.Retention}, needed is {StreamConfigs.Retention(shape)}. Take its messages elsewhere and delete the stream, or set queue_name to another queue");
        }

        if (found.Subjects is not { Count: 1 } subjects || subjects.Single() != shape.Subjects)
        {
            throw new ConfigurationException(
                $"stream {shape.Name}: subjects are {string.Join(", ", found.Subjects ?? [])}, needed is {shape.Subjects}. Delete the stream, or set queue_name to another queue");
        }
    }

    // Limits that an operator set win over those found; those left at their defaults may have been set at the gateway.
    private static StreamConfig? Change(StreamShape shape, StreamConfig found)
    {
        var wanted = found with
        {
            MaxBytes = shape.MaxBytes == -1 ? found.MaxBytes : shape.MaxBytes,
            MaxMsgs = shape.MaxMessages == -1 ? found.MaxMsgs : shape.MaxMessages,
            NumReplicas = shape.Replicas == 1 ? found.NumReplicas : shape.Replicas,
            DuplicateWindow = shape.DuplicateWindow == StreamLimits.DefaultDuplicateWindow ? found.DuplicateWindow : shape.DuplicateWindow,
        };
        return wanted == found ? null : wanted;
    }
}
