using System.Collections.Concurrent;
using Connectors.Sdk.Hosting;
using Connectors.Streams.Records;
using Microsoft.Extensions.Logging;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Connectors.Streams.Nats;

/// <summary>Creates what is missing of a queue's streams and consumers, whichever service is first, and refuses what is not ours.</summary>
public sealed class StreamSetup(NatsLink link, TimeProvider time, ILogger<StreamSetup> log)
{
    /// <summary>The server's code for filters that overlap with another consumer's.</summary>
    public const int NotUnique = 10100;

    /// <summary>The server's code where the stream or the account may have no more consumers.</summary>
    public const int TooManyConsumers = 10026;

    private const int NotFound = 404;

    // A consumer cannot be made, or not be changed so; where it keeps its state never can.
    private const int NotMade = 10012;

    // There is one of the name, made otherwise.
    private const int InUse = 10058;

    // For how long a consumer must be ahead of its stream: longer than a leader of a cluster that has come together again needs to catch up.
    private static readonly TimeSpan AheadFor = TimeSpan.FromSeconds(4);

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

    // By stream and consumer.
    private readonly ConcurrentDictionary<string, Ahead> _ahead = new();

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

    /// <summary>Makes sure that the stream exists, and returns it, without the counts of its subjects.</summary>
    /// <param name="shape">The stream.</param>
    /// <param name="isFirst">
    /// Whether this is a first look, which brings the stream in line with the options as far as the server allows it; so is any look at one that was made anew. What
    /// it refuses is tried again by later looks, once a minute. Of services whose options differ, the one that looked last has its way.
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

        _made[shape.Name] = found.Created;
        Tell(shape, found.Config);
        return found;
    }

    /// <summary>
    /// Makes sure that the consumer exists, and returns it. One that lapses by itself is simply made, without a word. One that remembers more than its stream
    /// holds, at two looks in a row some seconds apart, is made anew. Another's <c>ack_wait</c> is changed at a first look only: of workers that differ, the newest has its way.
    /// </summary>
    public async Task<INatsJSConsumer> EnsureConsumerAsync(string stream, ConsumerConfig config, bool isFirst, CancellationToken ct)
    {
        if (config.InactiveThreshold > TimeSpan.Zero)
        {
            return await MakeLapsingAsync(stream, config, ct);
        }

        try
        {
            var consumer = await link.JetStream.GetConsumerAsync(stream, config.Name!, ct);
            if (await IsAheadAsync(stream, consumer.Info, config.FilterSubject!, ct))
            {
                Log.ConsumerAhead(log, stream, config.Name!, consumer.Info.Delivered.StreamSeq, consumer.Info.AckFloor.StreamSeq);
                await link.JetStream.DeleteConsumerAsync(stream, config.Name!, ct);
            }
            else if (!isFirst || consumer.Info.Config.AckWait == config.AckWait)
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

    // Its state is in memory, for nothing depends on it; but where several servers hold the stream it lies where the messages do. Else one whose disk is full has the
    // others agree that it passed over messages that it could not write, and these count as acked (docs/reliability.md, A full disk).
    private async Task<INatsJSConsumer> MakeLapsingAsync(string stream, ConsumerConfig config, CancellationToken ct)
    {
        var isInMemory = !IsReplicated(stream);
        try
        {
            return await link.JetStream.CreateOrUpdateConsumerAsync(stream, config with { MemStorage = isInMemory }, ct);
        }
        catch (NatsJSApiException fault) when (fault.Error.ErrCode == NotMade)
        {
            // One that was made before the stream's servers changed in number, or by an earlier version, keeps its state where it is until it lapses. None is made so.
            return await link.JetStream.UpdateConsumerAsync(stream, config with { MemStorage = !isInMemory }, ct);
        }
    }

    /// <summary>A consumer as it is.</summary>
    public async Task<ConsumerInfo> ConsumerAsync(string stream, string consumer, CancellationToken ct) => (await link.JetStream.GetConsumerAsync(stream, consumer, ct)).Info;

    /// <summary>Deletes a consumer in which nothing waits, of which nothing is at work and from which nobody asks anything; false, and it is left, for any other.</summary>
    public async Task<bool> DeleteIdleConsumerAsync(string stream, string consumer, CancellationToken ct) =>
        await ConsumerAsync(stream, consumer, ct) is { NumPending: 0, NumAckPending: 0, NumWaiting: 0 } && await link.JetStream.DeleteConsumerAsync(stream, consumer, ct);

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
        var stream = await FindAsync(shape.Name, ct);
        if (stream is null)
        {
            stream = await CreateAsync(shape, ct);
            Log.StreamCreated(log, level, shape.Name);
        }

        Check(shape, stream.Config);
        return stream;
    }

    // The counts of its subjects are not asked for: there may be hundreds of thousands.
    private async Task<StreamInfo?> FindAsync(string name, CancellationToken ct)
    {
        try
        {
            return (await link.JetStream.GetStreamAsync(name, cancellationToken: ct)).Info;
        }
        catch (NatsJSApiException missing) when (missing.Error.Code == NotFound)
        {
            return null;
        }
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
            if (await FindAsync(shape.Name, ct) is { } found)
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

    // After a power cut of all servers a stream may lack what its consumer remembers: it gives numbers out a second time, and the consumer takes the messages
    // that get them for delivered. nats-server mends that only where it stands alone. Seen twice, for what server and stream say is never of one moment:
    //   the consumer delivered 260, the stream's last message is 102
    //   the consumer is through with all up to 249, and message 3 lies there still
    // A leader that is cut off says the same of a consumer that the other servers serve, so only those count that are followed.
    private async Task<bool> IsAheadAsync(string stream, ConsumerInfo consumer, string filter, CancellationToken ct)
    {
        var key = $"{stream}.{consumer.Name}";
        if (await LostAsync(stream, consumer, filter, ct) is not { } lost)
        {
            _ahead.TryRemove(key, out _);
            return false;
        }

        if (!_ahead.TryGetValue(key, out var before) || before.Made != consumer.Created || (before.Lost != lost && before.Lost != ulong.MaxValue))
        {
            _ahead[key] = new Ahead(consumer.Created, lost, time.GetTimestamp());
            return false;
        }

        return time.GetElapsedTime(before.Since) >= AheadFor && _ahead.TryRemove(key, out _);
    }

    private async Task<ulong?> LostAsync(string stream, ConsumerInfo consumer, string filter, CancellationToken ct)
    {
        var found = await link.JetStream.GetStreamAsync(stream, cancellationToken: ct);
        if (!Quorum.Follows(consumer.Cluster) || !Quorum.Follows(found.Info.Cluster))
        {
            return null;
        }

        var state = found.Info.State;
        if (consumer.Delivered.StreamSeq > state.LastSeq)
        {
            return ulong.MaxValue;
        }

        return state.Messages > 0 && state.FirstSeq <= consumer.AckFloor.StreamSeq && await OldestAsync(found, filter, ct) is { } oldest && oldest <= consumer.AckFloor.StreamSeq
            ? oldest
            : null;
    }

    private static async Task<ulong?> OldestAsync(INatsJSStream stream, string filter, CancellationToken ct)
    {
        try
        {
            return (await stream.GetAsync(new StreamMsgGetRequest { Seq = 1, NextBySubj = filter }, ct)).Message.Seq;
        }
        catch (NatsJSApiException none) when (none.Error.Code == NotFound)
        {
            return null;
        }
    }

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

    // The oldest message that a consumer is ahead of, or the greatest number if it is ahead of the stream's end.
    private sealed record Ahead(DateTimeOffset Made, ulong Lost, long Since);

    private sealed record Refusal(string Reason, long Since);
}
