using System.Collections.Concurrent;
using Connectors.Gateway.Enqueueing;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Connectors.Gateway.History;

/// <summary>Keeps the index in step with the histories of all queues: each is read from its beginning, then as it grows.</summary>
internal sealed class HistoryFollower(NatsLink link, CallIndex index, QueueOptions queueOptions, HistoryOptions options, TimeProvider time, ILogger<HistoryFollower> log) : IDuty
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);

    // A cluster waits for four seconds for those that do not answer, and does so for each page of its list.
    private static readonly TimeSpan MaxLook = TimeSpan.FromSeconds(30);

    private readonly ConcurrentDictionary<string, FollowedQueue> _queues = new();
    private readonly TaskCompletionSource _hasLooked = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // Queues of whose histories nobody told at the last look.
    private volatile IReadOnlyList<string> _missing = [];

    /// <summary>A queue's history; null if it has none.</summary>
    public async Task<INatsJSStream?> StreamOfAsync(string queue, CancellationToken ct) =>
        _queues.TryGetValue(queue, out var followed) ? await followed.StreamAsync(ct) : null;

    /// <summary>Waits until all that was stored before this gateway looked first is in the index.</summary>
    /// <param name="only">The one queue that it is to be so of; null for all.</param>
    /// <param name="isElsewhere">Whether it is asked for what another gateway has in its index: then all that is stored by now is waited for too.</param>
    /// <param name="ct">Gives up.</param>
    /// <exception cref="NatsException">Nobody tells of a history that was not read to its end before.</exception>
    public async Task CaughtUpAsync(string? only, bool isElsewhere, CancellationToken ct)
    {
        await _hasLooked.Task.WaitAsync(ct);
        var unread = _missing.Where(queue => (only is null || queue == only) && !(_queues.TryGetValue(queue, out var known) && known.CaughtUp.IsCompleted)).ToList();
        if (unread.Count > 0)
        {
            throw new NatsException($"NATS tells nothing of {string.Join(", ", unread.Select(StreamNames.History))}");
        }

        var followed = _queues.Where(one => only is null || one.Key == only).ToList();
        foreach (var (_, queue) in followed)
        {
            await queue.CaughtUp.WaitAsync(ct);
        }

        if (!isElsewhere)
        {
            return;
        }

        var streams = (await StreamList.ReadAsync(link, ct)).Streams;
        foreach (var (name, queue) in followed)
        {
            if (streams.GetValueOrDefault(StreamNames.History(name)) is { State: { Messages: > 0, LastSeq: var last } })
            {
                await queue.TakeInAsync(last, ct);
            }
        }
    }

    public async Task RunAsync(CancellationToken stoppingToken)
    {
        try
        {
            while (true)
            {
                if (queueOptions.Nats.IsSet && options.IsOn)
                {
                    await LookAsync(stoppingToken);
                }

                await Task.Delay(Interval, time, stoppingToken);
            }
        }
        finally
        {
            foreach (var queue in _queues.Keys)
            {
                await EndAsync(queue);
            }
        }
    }

    private async Task LookAsync(CancellationToken stopping)
    {
        try
        {
            using var limit = new TimeLimit(MaxLook, time, stopping);
            await link.OpenAsync(limit.Token);

            // What is stored after the server has told its numbers may be in the index before they are read here.
            var before = _queues.ToDictionary(queue => queue.Key, queue => queue.Value.Index.LastSeq);
            var streams = await StreamList.ReadAsync(link, limit.Token);
            foreach (var (name, stream) in streams.Streams)
            {
                if (StreamNames.QueueOfHistory(name) is { } queue)
                {
                    await SeeAsync(queue, stream, before.GetValueOrDefault(queue), stopping);
                }
            }

            // What nobody tells of is still there.
            foreach (var queue in _queues.Keys.Where(queue => StreamNames.History(queue) is var name && !streams.Streams.ContainsKey(name) && !streams.Missing.Contains(name)).ToList())
            {
                if (await IsGoneAsync(queue, limit.Token))
                {
                    await EndAsync(queue);
                }
            }

            _missing = [.. streams.Missing.Select(StreamNames.QueueOfHistory).OfType<string>()];
            index.Trim();
            _hasLooked.TrySetResult();
        }
        catch (Exception fault) when (fault is NatsException or OperationCanceledException && !stopping.IsCancellationRequested)
        {
            // NATS is away, which is told elsewhere.
        }
        catch (Exception fault) when (!stopping.IsCancellationRequested)
        {
            Log.HistoryNotRead(log, "", fault.Message);
        }
    }

    private async Task<bool> IsGoneAsync(string queue, CancellationToken ct) => await link.FindStreamAsync(StreamNames.History(queue), ct) is null;

    private async Task SeeAsync(string queue, StreamInfo stream, ulong lastSeq, CancellationToken stopping)
    {
        if (_queues.TryGetValue(queue, out var known) && !known.IsOf(stream, lastSeq))
        {
            await EndAsync(queue);
            known = null;
        }

        if (known is null)
        {
            _queues[queue] = known = new FollowedQueue(queue, stream, index.Begin(queue), link, time, log);
            known.Start(stopping);
        }

        known.See(stream);
        Metrics.HistoryIndexed(queue, known.Index.Count);
    }

    private async Task EndAsync(string queue)
    {
        if (_queues.TryRemove(queue, out var followed))
        {
            index.End(queue);
            Metrics.HistoryGone(queue);
            await followed.DisposeAsync();
        }
    }
}

/// <summary>One queue's history, followed.</summary>
internal sealed class FollowedQueue(string queue, StreamInfo first, QueueIndex index, NatsLink link, TimeProvider time, ILogger log) : IAsyncDisposable
{
    private const int AtOnce = 200;

    // Of one message, as workers write them.
    private const long MaxBytes = 32 * 1024;
    private static readonly TimeSpan Expires = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Idle = TimeSpan.FromSeconds(60);

    private readonly TaskCompletionSource _caughtUp = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly DateTimeOffset _created = first.Created;
    private CancellationTokenSource? _ending;
    private Task _following = Task.CompletedTask;

    // As it was found last.
    private volatile StreamInfo _seen = first;
    private volatile INatsJSStream? _stream;

    // Why it could not be read when that was tried last.
    private string? _trouble;

    /// <summary>Between two tries.</summary>
    public static TimeSpan Pause { get; } = TimeSpan.FromMilliseconds(500);

    public QueueIndex Index => index;

    /// <summary>Ends once everything that was there at first is in the index.</summary>
    public Task CaughtUp => _caughtUp.Task;

    /// <summary>The stream, to be read from.</summary>
    public async Task<INatsJSStream> StreamAsync(CancellationToken ct) => _stream ??= await link.JetStream.GetStreamAsync(StreamNames.History(queue), cancellationToken: ct);

    /// <summary>Whether it is the same stream still, and not another one of that name, or one that has lost what it had.</summary>
    /// <param name="stream">As it was found.</param>
    /// <param name="lastSeq">The last message that was in the index before it was asked for.</param>
    public bool IsOf(StreamInfo stream, ulong lastSeq) => stream.Created == _created && stream.State.LastSeq >= lastSeq;

    /// <summary>Waits until a message is in the index that is in the stream.</summary>
    public async Task TakeInAsync(ulong seq, CancellationToken ct)
    {
        while (index.LastSeq < seq)
        {
            await Task.Delay(Pause / 10, time, ct);
        }
    }

    public void See(StreamInfo stream)
    {
        _seen = stream;
        index.DropBefore(stream.State.FirstSeq);
    }

    public void Start(CancellationToken stopping)
    {
        _ending = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        _following = FollowAsync(_ending.Token);
    }

    public async ValueTask DisposeAsync()
    {
        if (_ending is not null)
        {
            await _ending.CancelAsync();
            await _following.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            _ending.Dispose();
        }
    }

    private async Task FollowAsync(CancellationToken ct)
    {
        while (true)
        {
            try
            {
                await ReadAsync(ct);
            }
            catch (Exception fault) when (!ct.IsCancellationRequested)
            {
                // A stream whose servers are away is so for long.
                if (fault.Message != _trouble)
                {
                    _trouble = fault.Message;
                    Log.HistoryNotRead(log, queue, fault.Message);
                }
            }

            await Task.Delay(Pause, time, ct);
        }
    }

    // Until the consumer is gone, or a message was lost on its way: then another one begins behind the last that came.
    private async Task ReadAsync(CancellationToken ct)
    {
        await link.OpenAsync(ct);
        var consumer = await link.JetStream.CreateOrUpdateConsumerAsync(StreamNames.History(queue), Config(), ct);
        _trouble = null;
        try
        {
            if (consumer.Info.NumPending == 0)
            {
                _caughtUp.TrySetResult();
            }

            var place = new Reading(1, consumer.Info.NumPending);
            while (true)
            {
                // What waits comes all at once, and that of all queues when the gateway has just started.
                var next = place.Behind > 0
                    ? await link.Batches.UseAsync(AtOnce * MaxBytes, () => TakeAsync(consumer.FetchNoWaitAsync(Ask(AtOnce), NatsRawSerializer<byte[]>.Default, ct), place), ct)
                    : await TakeAsync(consumer.FetchAsync(Ask(AtOnce), NatsRawSerializer<byte[]>.Default, ct), place);
                if (next is not { } read || (read == place && _seen.State.LastSeq > index.LastSeq))
                {
                    return;
                }

                place = read;
            }
        }
        finally
        {
            await DeleteAsync(consumer);
        }
    }

    // Null if a message was lost on its way.
    private async Task<Reading?> TakeAsync(IAsyncEnumerable<INatsJSMsg<byte[]>> messages, Reading place)
    {
        await foreach (var message in messages)
        {
            if (message.Metadata is not { } at || at.Sequence.Consumer != place.Expected)
            {
                return null;
            }

            place = new Reading(place.Expected + 1, at.NumPending);
            index.Add(at.Sequence.Stream, message.Data);
            if (at.NumPending == 0)
            {
                _caughtUp.TrySetResult();
            }
        }

        return place;
    }

    private static NatsJSFetchOpts Ask(int most) => new() { MaxMsgs = most, Expires = Expires };

    private ConsumerConfig Config() => new()
    {
        Name = $"gateway-{Guid.NewGuid():N}",
        DeliverPolicy = ConsumerConfigDeliverPolicy.ByStartSequence,
        OptStartSeq = index.LastSeq + 1,
        AckPolicy = ConsumerConfigAckPolicy.None,
        InactiveThreshold = Idle,
        MemStorage = true,
        NumReplicas = 1,
    };

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

    /// <summary>How far a consumer was read.</summary>
    /// <param name="Expected">Its own number of the next message.</param>
    /// <param name="Behind">How many waited behind the last one.</param>
    private readonly record struct Reading(ulong Expected, ulong Behind);
}
