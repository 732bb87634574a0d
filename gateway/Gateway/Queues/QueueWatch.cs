using Connectors.Gateway.Enqueueing;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using NATS.Client.Core;
using NATS.Client.JetStream;

namespace Connectors.Gateway.Queues;

/// <summary>Tells by metric and log of queues whose calls or callbacks nobody takes: most likely a queue without worker.</summary>
internal sealed class QueueWatch(
    NatsLink link, QueueOverview overview, PauseBook book, WorkerReports reports, CallStore store, QueueOptions options, TimeProvider time, ILogger<QueueWatch> log)
    : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan MaxLook = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly StalledQueues _stalled = new(Patience);
    private readonly long _begun = time.GetTimestamp();

    // By stream, as the last look found them.
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
            if (!IsTold(queue))
            {
                Keep(queue.Name, deliveries);
                continue;
            }

            try
            {
                var (waiting, isTaken) = HasCalls(queue) ? await SeeCallsAsync(queue, deliveries, ct) : await SeeOthersAsync(queue, deliveries, ct);
                Tell(queue.Name, waiting, isTaken);
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
            store.Forget(gone);
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

    // Those of a paused queue wait for whoever paused it.
    private static bool HasCalls(QueueCounts queue) => queue is { Calls: > 0, Paused: null };

    private static bool IsTold(QueueCounts queue) => queue.Calls is not null && (HasCalls(queue) || (queue.Delayed is not null && queue.Callbacks is not null));

    // Nobody tells of it now: what was seen last is still shown.
    private void Keep(string queue, Dictionary<string, ulong> deliveries)
    {
        foreach (var stream in StreamNames.StreamsOf(queue))
        {
            if (_deliveries.TryGetValue(stream, out var last))
            {
                deliveries[stream] = last;
            }
        }
    }

    private void Tell(string queue, long waiting, bool isTaken)
    {
        var look = _stalled.See(queue, isTaken, time.GetElapsedTime(_begun));
        Metrics.Stalled(queue, look.For);
        if (look.News == StalledNews.Stalled)
        {
            Log.QueueStalled(log, queue, waiting);
        }
        else if (look.News == StalledNews.Moving)
        {
            Log.QueueMoving(log, queue);
        }
    }

    // A worker whose slots are all taken asks for no more: all calls are at work then. Those of one that is gone count as such too, for as long as nobody asks.
    private async Task<(long Waiting, bool IsTaken)> SeeCallsAsync(QueueCounts queue, Dictionary<string, ulong> deliveries, CancellationToken ct)
    {
        var calls = queue.Calls ?? 0;
        var (isMoving, atWork) = await SeeConsumersAsync(StreamNames.Calls(queue.Name), deliveries, ct);
        return (calls, isMoving || (atWork >= calls && await HasWorkerAsync(queue.Name, deliveries, ct)));
    }

    // What needs a worker although no call waits for one.
    private async Task<(long Waiting, bool IsTaken)> SeeOthersAsync(QueueCounts queue, Dictionary<string, ulong> deliveries, CancellationToken ct)
    {
        if (reports.Of(queue.Name).Workers > 0)
        {
            return (0, true);
        }

        // A paused queue's callbacks are delivered all the same.
        var waiting = (queue.Callbacks ?? 0) + (queue.Paused is null ? await DueAsync(queue, ct) : 0);
        return (waiting, waiting == 0 || await HasWorkerAsync(queue.Name, deliveries, ct));
    }

    // One that may not be heard is known by its pull for callbacks, which stands there always.
    private async Task<bool> HasWorkerAsync(string queue, Dictionary<string, ulong> deliveries, CancellationToken ct) =>
        reports.Of(queue).Workers > 0 || (await SeeConsumersAsync(StreamNames.Callbacks(queue), deliveries, ct)).IsMoving;

    // How many calls lie aside that are to be brought back: delayed ones whose time has come, and held ones whose function is paused no more.
    private async Task<long> DueAsync(QueueCounts queue, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        var due = 0L;
        if (queue.Delayed > 0)
        {
            // They are told in the order of their times: what comes behind those that are due is not read.
            due += await CountAsync(">", subject => AsideGroup.Of(subject).Due > now, subject => AsideGroup.Of(subject).Due <= now);
        }

        if (queue.Held > 0)
        {
            due += await CountAsync(AsideGroup.HeldSubjects(queue.Name), _ => false, subject => AsideGroup.Of(subject).Function is not null);
        }

        return due;

        async Task<long> CountAsync(string filter, Func<string, bool> isPast, Func<string, bool> isMeant)
        {
            var aside = await link.WithSubjectsAsync(StreamNames.Aside(queue.Name), filter, isPast, ct);
            return (aside.State.Subjects ?? new Dictionary<string, long>())
                .Where(subject => isMeant(subject.Key) && StreamNames.FunctionOf(subject.Key)?.ToString() is { } function && !queue.PausedFunctions.Contains(function))
                .Sum(subject => subject.Value);
        }
    }

    // Whether anybody takes what a stream holds: by a pull that waits, a function's consumer (which lapses soon after its worker is gone), or deliveries since the last
    // look. And how many are at work.
    private async Task<(bool IsMoving, long AtWork)> SeeConsumersAsync(string stream, Dictionary<string, ulong> deliveries, CancellationToken ct)
    {
        var (delivered, atWork) = (0ul, 0L);
        try
        {
            await foreach (var consumer in link.JetStream.ListConsumersAsync(stream, ct))
            {
                if (consumer.Info.NumWaiting > 0 || consumer.Info.Config.InactiveThreshold > TimeSpan.Zero)
                {
                    return (true, 0);
                }

                delivered += consumer.Info.Delivered.ConsumerSeq;
                atWork += consumer.Info.NumAckPending;
            }
        }
        catch (NatsJSApiException fault) when (fault.IsNotFound())
        {
            // A queue's first worker makes all of its streams.
            return (false, 0);
        }

        deliveries[stream] = delivered;
        return (_deliveries.TryGetValue(stream, out var before) && before != delivered, atWork);
    }
}
