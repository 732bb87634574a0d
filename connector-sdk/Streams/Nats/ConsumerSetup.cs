using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Connectors.Streams.Nats;

/// <summary>Creates what is missing of a stream's consumers, makes those anew that remember what their stream has lost, and removes what is idle.</summary>
public sealed class ConsumerSetup(NatsLink link, StreamSetup streams, TimeProvider time, ILogger<ConsumerSetup> log)
{
    /// <summary>The server's code for filters that overlap with another consumer's.</summary>
    public const int NotUnique = 10100;

    /// <summary>The server's code where the stream or the account may have no more consumers.</summary>
    public const int TooManyConsumers = 10026;

    // A consumer cannot be made, or not be changed so; where it keeps its state never can.
    private const int NotMade = 10012;

    // For how long a consumer must be ahead of its stream: longer than a leader of a cluster that has come together again needs to catch up.
    private static readonly TimeSpan AheadFor = TimeSpan.FromSeconds(4);

    // By stream and consumer.
    private readonly ConcurrentDictionary<string, Ahead> _ahead = new();

    /// <summary>
    /// Makes sure that the consumer exists, and returns it. One that lapses by itself is simply made, without a word. One that remembers more than its stream
    /// holds, at two looks in a row some seconds apart, is made anew. One that was edited so that messages would stay in it is put right. Another's <c>ack_wait</c> is changed at a first look only: of workers that differ, the newest has its way.
    /// </summary>
    public async Task<INatsJSConsumer> EnsureAsync(string stream, ConsumerConfig config, bool isFirst, CancellationToken ct)
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
            else if (ConsumerShape.Hindrance(consumer.Info.Config, config) is { } hindrance)
            {
                return await FreeAsync(stream, consumer.Info.Config, config, hindrance, ct);
            }
            else if (!isFirst || consumer.Info.Config.AckWait == config.AckWait)
            {
                return consumer;
            }
        }
        catch (NatsJSApiException missing) when (missing.IsNotFound())
        {
            Log.ConsumerCreated(log, isFirst ? LogLevel.Information : LogLevel.Warning, stream, config.Name!);
        }

        return await link.JetStream.CreateOrUpdateConsumerAsync(stream, config, ct);
    }

    /// <summary>Whether several servers held the stream when it was looked at last.</summary>
    public bool IsReplicated(string stream) => streams.IsReplicated(stream);

    /// <summary>A consumer as it is.</summary>
    public async Task<ConsumerInfo> FindAsync(string stream, string consumer, CancellationToken ct) => (await link.JetStream.GetConsumerAsync(stream, consumer, ct)).Info;

    /// <summary>Deletes a consumer in which nothing waits, of which nothing is at work and from which nobody asks anything; false, and it is left, for any other.</summary>
    public async Task<bool> DeleteIdleAsync(string stream, string consumer, CancellationToken ct) =>
        await FindAsync(stream, consumer, ct) is { NumPending: 0, NumAckPending: 0, NumWaiting: 0 } && await link.JetStream.DeleteConsumerAsync(stream, consumer, ct);

    // Limits of its pulls, and a pause, are whoever's who set them.
    private async Task<INatsJSConsumer> FreeAsync(string stream, ConsumerConfig found, ConsumerConfig wanted, string hindrance, CancellationToken ct)
    {
        Log.ConsumerHinders(log, stream, wanted.Name!, hindrance);
        if (ConsumerShape.HasPassedBy(found, wanted))
        {
            await link.JetStream.DeleteConsumerAsync(stream, wanted.Name!, ct);
        }

        return await link.JetStream.CreateOrUpdateConsumerAsync(stream, ConsumerShape.Free(found, wanted), ct);
    }

    // Its state is in memory, for nothing depends on it; but where several servers hold the stream it lies where the messages do. Else one whose disk is full has the
    // others agree that it passed over messages that it could not write, and these count as acked (docs/reliability.md, A full disk).
    private async Task<INatsJSConsumer> MakeLapsingAsync(string stream, ConsumerConfig config, CancellationToken ct)
    {
        var isInMemory = !streams.IsReplicated(stream);
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
        catch (NatsJSApiException none) when (none.IsNotFound())
        {
            return null;
        }
    }

    // The oldest message that a consumer is ahead of, or the greatest number if it is ahead of the stream's end.
    private sealed record Ahead(DateTimeOffset Made, ulong Lost, long Since);
}
