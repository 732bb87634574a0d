using System.Runtime.CompilerServices;
using Connectors.Gateway.Enqueueing;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Connectors.Gateway.Queues;

/// <summary>Reads and removes dead letters by their sequence, which never changes and never comes again: pages neither skip nor repeat while others arrive.</summary>
internal sealed class DeadLetters(NatsLink link, TimeProvider time)
{
    private const int SearchBatch = 1000;

    // Of one message, as nats-server bounds them.
    private const int MaxHeaders = 64 * 1024;

    // A delete that failed for any cause has this code; only its words tell that there is no such message.
    private const int SequenceNotFound = 10043;
    private const int DeleteFailed = 10057;
    private static readonly string[] Gone = ["no message found", "stream store EOF"];

    // A consumer that nobody deleted, because this process died, goes by itself.
    private static readonly TimeSpan Idle = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan MaxFetch = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan DeleteLimit = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How long one request may look through letters for those that are meant. Callers wait for a minute as a rule, the command among them: what was found reaches
    /// them before that.
    /// </summary>
    public static readonly TimeSpan MaxSearch = TimeSpan.FromSeconds(50);

    /// <summary>
    /// Up to <paramref name="most"/> letters of a queue behind the sequence <paramref name="after"/>, oldest first; fewer where so many might be too much for
    /// the connection. They are read on one server, which may lag behind the stream's leader: that there is none is said by the leader alone.
    /// </summary>
    public async Task<IReadOnlyList<DeadLetter>> ReadAsync(string queue, FunctionName? function, ulong after, int most, bool headersOnly, CancellationToken ct)
    {
        var each = headersOnly ? MaxHeaders : link.MaxPayload;
        most = Math.Min(most, (int)Math.Max(1, link.Batches.Total / 2 / each));
        if (await ReadBatchAsync() is { Count: > 0 } letters)
        {
            return letters;
        }

        if (!await HasMoreAsync(queue, function, after, ct))
        {
            return [];
        }

        // It may have died only in between.
        return await ReadBatchAsync() is { Count: > 0 } late ? late : throw NotDelivered();

        Task<IReadOnlyList<DeadLetter>> ReadBatchAsync() => link.Batches.UseAsync((long)most * each, () => TryReadAsync(queue, function, after, most, headersOnly, ct), ct);
    }

    /// <summary>Whether there are letters behind the sequence <paramref name="after"/>: the word of the stream's leader.</summary>
    public async Task<bool> HasMoreAsync(string queue, FunctionName? function, ulong after, CancellationToken ct) =>
        await AskLeaderAsync(queue, new StreamMsgGetRequest { Seq = after + 1, NextBySubj = Subjects(queue, function) }, ct) is not null;

    private async Task<IReadOnlyList<DeadLetter>> TryReadAsync(string queue, FunctionName? function, ulong after, int most, bool headersOnly, CancellationToken ct)
    {
        INatsJSConsumer consumer;
        try
        {
            consumer = await link.JetStream.CreateOrUpdateConsumerAsync(StreamNames.Dead(queue), Reader(queue, function, after, headersOnly), ct);
        }
        catch (NatsJSApiException fault) when (fault.IsNotFound())
        {
            // The first dead letter makes the stream.
            return [];
        }

        try
        {
            return await ReadAsync(consumer, most, ct);
        }
        finally
        {
            await DeleteAsync(consumer);
        }
    }

    /// <summary>
    /// The numbers of all letters that a filter means, behind the sequence <paramref name="after"/> and up to <paramref name="last"/>, a batch at a time with how far
    /// it is: many batches may have none.
    /// </summary>
    public async IAsyncEnumerable<(ulong At, IReadOnlyList<ulong> Meant)> SearchAsync(string queue, DeadFilter filter, ulong after, ulong last, [EnumeratorCancellation] CancellationToken ct)
    {
        while (true)
        {
            var batch = await ReadAsync(queue, filter.Function, after, SearchBatch, headersOnly: true, ct);
            if (batch.Where(letter => letter.Seq <= last).ToList() is { Count: > 0 } near)
            {
                after = near[^1].Seq;
                yield return (after, [.. near.Where(filter.Matches).Select(letter => letter.Seq)]);
            }

            // How many are behind it is the word of a server that may lag: only a batch without any is the end.
            if (batch.Count == 0 || batch[^1].Seq >= last)
            {
                yield break;
            }
        }
    }

    /// <summary>
    /// How many letters a filter means, and whether there may be more. Those of a function the server has counted; for any other word of a filter each letter up to
    /// <paramref name="last"/> is looked at, for so long.
    /// </summary>
    public async Task<(long Count, bool IsComplete)> CountAsync(string queue, DeadFilter filter, ulong last, CancellationToken ct)
    {
        if (filter.IsOfFunction)
        {
            return (await CountAsync(queue, filter.Function, ct), true);
        }

        var count = 0L;
        using var limit = new TimeLimit(MaxSearch, time, ct);
        try
        {
            await foreach (var (_, meant) in SearchAsync(queue, filter, 0, last, limit.Token))
            {
                count += meant.Count;
            }

            return (count, true);
        }
        catch (Exception fault) when (limit.IsOver && fault is OperationCanceledException or NatsException)
        {
            return (count, false);
        }
    }

    /// <summary>The sequence of the latest letter there ever was; null if the queue never had one.</summary>
    public async Task<ulong?> LastAsync(string queue, CancellationToken ct) => (await link.FindStreamAsync(StreamNames.Dead(queue), ct))?.State.LastSeq;

    /// <summary>How many letters there are of a function, or of all.</summary>
    public async Task<long> CountAsync(string queue, FunctionName? function, CancellationToken ct) =>
        (await link.WithSubjectsAsync(StreamNames.Dead(queue), Subjects(queue, function), ct)).State.Subjects?.Values.Sum() ?? 0;

    /// <summary>One letter with its body; null if there is none of that sequence. The leader is asked: elsewhere it may not be there yet, or be there still.</summary>
    public async Task<DeadLetter?> FindAsync(string queue, ulong seq, CancellationToken ct) =>
        seq > 0 && await AskLeaderAsync(queue, new StreamMsgGetRequest { Seq = seq }, ct) is { } message ? DeadLetter.From(message, link.HeadersOf(message)) : null;

    /// <summary>
    /// False if it was gone. No caller cancels it: broken off, it would not be known whether the letter is gone, nor told, and one whose call is back would stay.
    /// </summary>
    public async Task<bool> DeleteAsync(string queue, ulong seq)
    {
        using var limit = new TimeLimit(DeleteLimit, time);
        try
        {
            await link.JetStream.DeleteMessageAsync(StreamNames.Dead(queue), new StreamMsgDeleteRequest { Seq = seq, NoErase = true }, limit.Token);
            return true;
        }
        catch (OperationCanceledException)
        {
            throw new NatsException($"The stream {StreamNames.Dead(queue)} does not answer");
        }
        catch (NatsJSApiException fault) when (fault.IsNotFound() || IsMissing(fault.Error))
        {
            return false;
        }
    }

    // A server says so in one way amid the stream, in another before its first message, in a third behind its last.
    private static bool IsMissing(ApiError error) =>
        error.ErrCode == SequenceNotFound
        || (error.ErrCode == DeleteFailed && Array.Exists(Gone, words => error.Description?.Contains(words, StringComparison.OrdinalIgnoreCase) == true));

    private static string Subjects(string queue, FunctionName? function) =>
        function is { } one ? StreamNames.DeadSubjects(queue, one) : StreamNames.DeadSubjects(queue);

    private static NatsJSException NotDelivered() => new("The dead letters were not delivered in time");

    private static ConsumerConfig Reader(string queue, FunctionName? function, ulong after, bool headersOnly) => new()
    {
        Name = $"gateway-{Guid.NewGuid():N}",
        FilterSubject = Subjects(queue, function),
        DeliverPolicy = ConsumerConfigDeliverPolicy.ByStartSequence,
        OptStartSeq = after + 1,
        AckPolicy = ConsumerConfigAckPolicy.None,
        HeadersOnly = headersOnly,
        InactiveThreshold = Idle,
        MemStorage = true,
        NumReplicas = 1,
    };

    private static async Task<IReadOnlyList<DeadLetter>> ReadAsync(INatsJSConsumer consumer, int most, CancellationToken ct)
    {
        var letters = new List<DeadLetter>();
        if (consumer.Info.NumPending > 0)
        {
            var opts = new NatsJSFetchOpts { MaxMsgs = (int)Math.Min((ulong)most, consumer.Info.NumPending), Expires = MaxFetch };
            ulong expected = 1;
            await foreach (var message in consumer.FetchNoWaitAsync(opts, NatsRawSerializer<byte[]>.Default, ct))
            {
                // What was sent into a connection that is lost counts as delivered, and the next one goes on behind it.
                if (message.Metadata is { } at && at.Sequence.Consumer != expected++)
                {
                    throw new NatsJSException("Dead letters were lost on their way from NATS");
                }

                letters.Add(DeadLetter.From(message));
            }

            if (letters.Count == 0)
            {
                // Not the end of the stream, which a page or a job would take it for.
                throw NotDelivered();
            }
        }

        return letters;
    }

    // Null if there is none. No other server answers this.
    private async Task<StoredMessage?> AskLeaderAsync(string queue, StreamMsgGetRequest request, CancellationToken ct)
    {
        try
        {
            var stream = await link.JetStream.GetStreamAsync(StreamNames.Dead(queue), cancellationToken: ct);
            return await link.AskLeaderAsync(stream, request, ct);
        }
        catch (NatsJSApiException none) when (none.IsNotFound())
        {
            return null;
        }
    }

    private async Task DeleteAsync(INatsJSConsumer consumer)
    {
        try
        {
            await link.JetStream.DeleteConsumerAsync(consumer.Info.StreamName, consumer.Info.Name, CancellationToken.None);
        }
        catch (NatsException)
        {
            // It lapses.
        }
    }
}
