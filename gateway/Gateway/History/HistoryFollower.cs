using System.Collections.Concurrent;
using Connectors.Gateway.Enqueueing;
using Connectors.Sdk.Hosting;
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
