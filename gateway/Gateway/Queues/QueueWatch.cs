using Connectors.Gateway.Enqueueing;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using NATS.Client.Core;

namespace Connectors.Gateway.Queues;

/// <summary>Tells by metric and log of queues whose calls nobody takes: most likely a queue without worker.</summary>
internal sealed class QueueWatch(NatsLink link, QueueOverview overview, PauseBook book, QueueOptions options, TimeProvider time, ILogger<QueueWatch> log) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan MaxLook = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly StalledQueues _stalled = new(Patience);
    private readonly long _begun = time.GetTimestamp();
    private Dictionary<string, ulong> _deliveries = [];
    private HashSet<string> _shown = [];
    private HashSet<(string, string)> _paused = [];

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (options.Nats.IsSet && !stoppingToken.IsCancellationRequested)
        {
            await LookAsync(stoppingToken);
            await Task.Delay(Interval, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task LookAsync(CancellationToken stopping)
    {
        try
        {
            using var limit = new TimeLimit(MaxLook, time, stopping);
            await link.OpenAsync(limit.Token);
            await LookAtAllAsync(limit.Token);
        }
        catch (Exception fault) when (fault is NatsException or OperationCanceledException)
        {
            // NATS is away, which is told elsewhere, or the gateway stops.
        }
        catch (Exception fault)
        {
            Log.QueueNotRead(log, "", fault.Message);
        }
    }

    private async Task LookAtAllAsync(CancellationToken ct)
    {
        var deliveries = new Dictionary<string, ulong>();
        var queues = await overview.ListAsync(ct);
        foreach (var queue in queues)
        {
            if (queue.Calls is not { } calls)
            {
                // Nobody tells of it now: what was seen last is still shown.
                if (_deliveries.TryGetValue(queue.Name, out var last))
                {
                    deliveries[queue.Name] = last;
                }

                continue;
            }

            try
            {
                Tell(queue.Name, calls, calls == 0 || queue.Paused is not null || await IsTakenAsync(queue.Name, calls, deliveries, ct));
            }
            catch (Exception fault) when (fault is not OperationCanceledException)
            {
                // Deleted just now, or not what it seems to be: the other queues are looked at all the same.
                Log.QueueNotRead(log, queue.Name, fault.Message);
            }
        }

        _deliveries = deliveries;
        foreach (var gone in _shown.Except(queues.Select(queue => queue.Name)))
        {
            _stalled.See(gone, isTaken: true, time.GetElapsedTime(_begun));
            Metrics.QueueGone(gone);
        }

        _shown = [.. queues.Select(queue => queue.Name)];
        ShowPauses(await book.ReadAsync(ct));
    }

    private void ShowPauses(PausedThings paused)
    {
        var shown = new HashSet<(string, string)>();
        foreach (var (queue, function, pause) in paused.All)
        {
            Metrics.Paused(queue, function?.ToString() ?? "", time.GetUtcNow() - pause.At);
            shown.Add((queue, function?.ToString() ?? ""));
        }

        foreach (var (queue, function) in _paused.Except(shown))
        {
            Metrics.Resumed(queue, function);
        }

        _paused = shown;
    }

    private void Tell(string queue, long calls, bool isTaken)
    {
        var look = _stalled.See(queue, isTaken, time.GetElapsedTime(_begun));
        Metrics.Stalled(queue, look.For);
        if (look.News == StalledNews.Stalled)
        {
            Log.QueueStalled(log, queue, calls);
        }
        else if (look.News == StalledNews.Moving)
        {
            Log.QueueMoving(log, queue);
        }
    }

    // A pull that waits, a function's consumer (which lapses soon after its worker is gone), deliveries since the last look, or no call that is not at work:
    // a worker whose slots are all taken asks for no more.
    private async Task<bool> IsTakenAsync(string queue, long calls, Dictionary<string, ulong> deliveries, CancellationToken ct)
    {
        var delivered = 0ul;
        var atWork = 0L;
        await foreach (var consumer in link.JetStream.ListConsumersAsync(StreamNames.Calls(queue), ct))
        {
            if (consumer.Info.NumWaiting > 0 || consumer.Info.Config.InactiveThreshold > TimeSpan.Zero)
            {
                return true;
            }

            delivered += consumer.Info.Delivered.ConsumerSeq;
            atWork += consumer.Info.NumAckPending;
        }

        deliveries[queue] = delivered;
        return atWork >= calls || (_deliveries.TryGetValue(queue, out var before) && before != delivered);
    }
}
