using System.Collections.Concurrent;
using Connectors.Sdk.Hosting;
using Connectors.Streams.Records;
using Microsoft.Extensions.Logging;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Connectors.Streams.Nats;

/// <summary>Creates what is missing of a queue's streams, whichever service is first, brings them in line with the options, and refuses what is not ours.</summary>
public sealed class StreamSetup(NatsLink link, TimeProvider time, ILogger<StreamSetup> log)
{
    // There is one of the name, made otherwise.
    private const int InUse = 10058;

    // After how long a change is tried again that the server refused.
    private static readonly TimeSpan RetryAfter = TimeSpan.FromMinutes(1);

    // By stream: when the one was made that was looked at as a first time, and brought in line with the options as far as the server allowed it.
    private readonly ConcurrentDictionary<string, DateTimeOffset> _made = new();

    // Streams that several servers hold.
    private readonly ConcurrentDictionary<string, bool> _replicated = new();

    // By stream: how durable it was said to be last.
    private readonly ConcurrentDictionary<string, string> _told = new();

    // By stream: why it could not be brought in line when that was tried last.
    private readonly ConcurrentDictionary<string, Refusal> _refused = new();

    /// <summary>
    /// Makes sure that the stream exists and is ours; asks the server only the first time, when it brings the stream in line with the options as far as the server
    /// allows it, after it was missing, and after <see cref="Saw"/> was told of another one.
    /// </summary>
    /// <param name="shape">The stream.</param>
    /// <param name="isMissing">Whether it did not answer for its subject: it may have been deleted.</param>
    /// <param name="ct">Gives up.</param>
    /// <exception cref="ConfigurationException">There is one of that name that is not ours, or the server cannot make such a stream.</exception>
    public async Task EnsureOnceAsync(StreamShape shape, bool isMissing, CancellationToken ct)
    {
        if (isMissing || !_made.ContainsKey(shape.Name))
        {
            await EnsureAsync(shape, isFirst: true, ct);
        }
    }

    /// <summary>A stream was looked at. If it is another one of its name, made by another service perhaps with other options, whoever writes to it next looks at it as the first time.</summary>
    /// <param name="stream">Its name.</param>
    /// <param name="made">When it was made.</param>
    public void Saw(string stream, DateTimeOffset made)
    {
        if (_made.TryGetValue(stream, out var known) && known != made)
        {
            _made.TryRemove(new(stream, known));
        }
    }

    /// <summary>A stream is gone, and what is remembered of it with it.</summary>
    public void Forget(string stream)
    {
        _made.TryRemove(stream, out _);
        _replicated.TryRemove(stream, out _);
        _told.TryRemove(stream, out _);
        _refused.TryRemove(stream, out _);
    }

    /// <summary>Makes sure that the stream exists, and returns it, without the counts of its subjects.</summary>
    /// <param name="shape">The stream.</param>
    /// <param name="isFirst">
    /// Whether this is a first look, which brings the stream in line with the options as far as the server allows it; so is any look at one that was made anew. What
    /// it refuses is tried again by later looks, once a minute. Of services whose options differ, the one that looked last has its way. Every look sees to it that no
    /// message that is to be acked is dropped for being the oldest.
    /// </param>
    /// <param name="ct">Gives up.</param>
    /// <exception cref="ConfigurationException">There is one of that name that is not ours, or the server cannot make such a stream.</exception>
    public async Task<StreamInfo> EnsureAsync(StreamShape shape, bool isFirst, CancellationToken ct)
    {
        var found = await FindOrCreateAsync(shape, isFirst ? LogLevel.Information : LogLevel.Warning, ct);
        var isAnother = !_made.TryGetValue(shape.Name, out var made) || made != found.Created;
        if (isAnother || (_refused.TryGetValue(shape.Name, out var refusal) ? time.GetElapsedTime(refusal.Since) >= RetryAfter : isFirst))
        {
            found = await BringInLineAsync(shape, found, ct);
        }
        else if (refusal is null && StreamChange.DropsOld(shape, found.Config))
        {
            // Edited since: what limits it has now are its editor's.
            (found, var drops) = await StreamChange.KeepOldAsync(link, shape, found, time, ct);
            if (drops is not null)
            {
                Refused(shape.Name, drops);
            }
        }

        _made[shape.Name] = found.Created;
        Tell(shape, found.Config);
        return found;
    }

    /// <summary>Whether several servers held the stream when it was looked at last.</summary>
    public bool IsReplicated(string stream) => _replicated.ContainsKey(stream);

    /// <summary>A stream's shape in the client's words: the same whoever makes it.</summary>
    public static StreamConfig ConfigOf(StreamShape shape) => new(shape.Name, [shape.Subjects])
    {
        Retention = RetentionOf(shape),
        Storage = StorageOf(shape),
        Discard = shape.DropsOld ? StreamConfigDiscard.Old : StreamConfigDiscard.New,
        NumReplicas = shape.Replicas,
        MaxBytes = shape.MaxBytes,
        MaxMsgs = shape.MaxMessages,
        MaxAge = shape.MaxAge,
        DuplicateWindow = shape.DuplicateWindow,
        AllowDirect = true,
        Republish = shape.Hints is { } hints ? new Republish { Src = shape.Subjects, Dest = hints, HeadersOnly = true } : null,
        Metadata = shape.Mode is { } mode ? new Dictionary<string, string> { [StreamNames.ModeKey] = mode } : null,
    };

    private static StreamConfigRetention RetentionOf(StreamShape shape) =>
        shape.Retention == StreamRetention.WorkQueue ? StreamConfigRetention.Workqueue : StreamConfigRetention.Limits;

    private static StreamConfigStorage StorageOf(StreamShape shape) => shape.Storage == StreamStorage.File ? StreamConfigStorage.File : StreamConfigStorage.Memory;

    // Of what was found: it may have been made with other options than ours.
    private void Tell(StreamShape shape, StreamConfig found)
    {
        if (found.NumReplicas > 1)
        {
            _replicated[shape.Name] = true;
        }
        else
        {
            _replicated.TryRemove(shape.Name, out _);
        }

        var durability = StreamLimits.Durability(found.Storage == StreamConfigStorage.File ? StreamStorage.File : StreamStorage.Memory, found.NumReplicas);
        if (_told.TryGetValue(shape.Name, out var told) && told == durability)
        {
            return;
        }

        _told[shape.Name] = durability;
        Log.Durability(log, shape.Name, durability);
        if (found.Storage != StorageOf(shape))
        {
            Log.StorageDiffers(log, shape.Name, found.Storage.ToString(), shape.Storage.ToString());
        }
    }

    private async Task<StreamInfo> FindOrCreateAsync(StreamShape shape, LogLevel level, CancellationToken ct)
    {
        var stream = await link.FindStreamAsync(shape.Name, ct);
        if (stream is null)
        {
            stream = await CreateAsync(shape, ct);
            Log.StreamCreated(log, level, shape.Name);
        }

        Check(shape, stream.Config);
        return stream;
    }

    private async Task<StreamInfo> CreateAsync(StreamShape shape, CancellationToken ct)
    {
        try
        {
            return await MakeAsync(shape, ct);
        }
        catch (NatsJSApiException fault) when (!Outage.MayPass(fault.Error))
        {
            // Another service was quicker, perhaps with other limits; or the server cannot make such a stream.
            if (await link.FindStreamAsync(shape.Name, ct) is { } found)
            {
                return found;
            }

            // Another's is being made, and cannot be looked at yet.
            throw fault.Error.ErrCode == InUse
                ? fault
                : new ConfigurationException(
                    $"stream {shape.Name} cannot be created: {fault.Error.Description}. Set nats_stream_storage, nats_stream_replicas, nats_max_bytes to what the server allows");
        }
    }

    private async Task<StreamInfo> MakeAsync(StreamShape shape, CancellationToken ct)
    {
        try
        {
            return await ConsumerLimit.CreateAsync(link, shape, ct);
        }
        catch (NatsJSApiException fault) when (shape.MaxBytes <= 0 && fault.Error.ErrCode == RequiredLimit.IsMissing)
        {
            var (made, maxBytes) = await RequiredLimit.MakeAsync(limit => ConsumerLimit.CreateAsync(link, shape with { MaxBytes = limit }, ct));
            Log.StreamBounded(log, shape.Name, maxBytes);
            return made;
        }
    }

    private static void Check(StreamShape shape, StreamConfig found)
    {
        if (found.Retention != RetentionOf(shape))
        {
            throw Foreign(shape, "retention", found.Retention.ToString(), RetentionOf(shape).ToString());
        }

        if (found.Subjects is not { Count: 1 } subjects || subjects.Single() != shape.Subjects)
        {
            throw Foreign(shape, "subjects", string.Join(", ", found.Subjects ?? []), shape.Subjects);
        }
    }

    private static ConfigurationException Foreign(StreamShape shape, string field, string found, string needed) => new(
        $"stream {shape.Name}: {field} is {found}, needed is {needed}. Take its messages elsewhere and delete it (nats stream rm {shape.Name}), or choose another queue (queue_name of the worker, annotation com.openfaas.queue)");

    private async Task<StreamInfo> BringInLineAsync(StreamShape shape, StreamInfo found, CancellationToken ct)
    {
        // One that is not answered waits as long as one that is refused.
        if (_refused.TryGetValue(shape.Name, out var last))
        {
            _refused[shape.Name] = last with { Since = time.GetTimestamp() };
        }

        string? drops;
        try
        {
            found = await ConsumerLimit.RaiseAsync(link, shape, found, ct);
            (found, drops) = await StreamChange.KeepOldAsync(link, shape, found, time, ct);
            if (StreamChange.Wanted(drops is null ? shape : shape with { MaxBytes = -1, MaxMessages = -1 }, found.Config) is { } wanted)
            {
                found = found with { Config = (await link.JetStream.UpdateStreamAsync(wanted, ct)).Info.Config };
                Log.StreamUpdated(log, shape.Name);
            }
        }
        catch (NatsJSApiException fault)
        {
            // Too few servers or too little room, perhaps for now: what is stored as it was is better than what is not stored.
            Refused(shape.Name, fault.Message);
            return found;
        }

        if (drops is not null)
        {
            Refused(shape.Name, drops);
            return found;
        }

        _refused.TryRemove(shape.Name, out _);
        return found;
    }

    private void Refused(string stream, string reason)
    {
        if (!_refused.TryGetValue(stream, out var last) || last.Reason != reason)
        {
            Log.StreamNotUpdated(log, stream, reason);
        }

        _refused[stream] = new Refusal(reason, time.GetTimestamp());
    }

    private sealed record Refusal(string Reason, long Since);
}
