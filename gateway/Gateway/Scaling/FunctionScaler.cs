using Connectors.Gateway.Enqueueing;
using Connectors.Gateway.Queues;
using Connectors.Provider.Contracts;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;

namespace Connectors.Gateway.Scaling;

/// <summary>Scales the embedded provider's functions with <c>com.openfaas.scale.type: queue</c> by the calls that wait for them.</summary>
internal sealed class FunctionScaler(IProvider provider, ScaleFunction scale, QueueBacklog backlogs, QueueOptions options, TimeProvider time, ILogger<FunctionScaler> log)
    : IDuty
{
    private static readonly TimeSpan Interval = WorkerReports.Interval;

    private readonly long _begin = time.GetTimestamp();
    private readonly HashSet<string> _unseen = [];
    private Dictionary<FunctionName, Scaled> _all = [];

    public async Task RunAsync(CancellationToken stoppingToken)
    {
        // Workers say first what they have, or calls that run would be taken for waiting ones.
        await Task.Delay(Interval, time, stoppingToken);
        while (true)
        {
            await Task.Delay(Interval, time, stoppingToken);
            await LookAsync(stoppingToken);
        }
    }

    private async Task LookAsync(CancellationToken ct)
    {
        var before = _all;
        var now = time.GetElapsedTime(_begin);
        _all = (from function in await provider.ListAsync(ct)
                let labels = ScaleLabels.Of(function)
                where labels.Type == ScaleLabels.ByQueue
                let name = new FunctionName(function.Name, function.Namespace!)
                select before.GetValueOrDefault(name, new Scaled(name, now)) with { Labels = labels, Replicas = function.Replicas ?? 0, Queue = FunctionSettings.Of(function).Queue ?? options.DefaultQueue })
            .ToDictionary(function => function.Name);
        foreach (var gone in before.Keys.Except(_all.Keys))
        {
            Metrics.ScalingEnded(gone);
        }

        foreach (var queue in _all.Values.GroupBy(function => function.Queue))
        {
            if (await BacklogAsync(queue.Key, ct) is not { } backlog)
            {
                continue;
            }

            foreach (var function in queue)
            {
                await ScaleAsync(function, backlog, now);
            }
        }
    }

    // Null if it cannot be looked at: its functions keep the replicas that they have.
    private async Task<Backlog?> BacklogAsync(string queue, CancellationToken ct)
    {
        try
        {
            var backlog = await backlogs.OfAsync(queue, ct);
            _unseen.Remove(queue);
            return backlog;
        }
        catch (Exception fault) when (!ct.IsCancellationRequested)
        {
            if (_unseen.Add(queue))
            {
                Log.ScalerBlind(log, queue, fault.Message);
            }

            return null;
        }
    }

    private async Task ScaleAsync(Scaled function, Backlog backlog, TimeSpan now)
    {
        var name = function.Name.ToString();
        var (waiting, running) = (backlog.WaitingOf(name), backlog.InHand.Running.GetValueOrDefault(name));
        var (started, called) = Metrics.ActivityOf(function.Name);
        var load = new FunctionLoad(waiting, running, called > 0 || started != function.Started);
        Metrics.WaitingOf(function.Name, waiting);

        var wanted = function.Rule.Next(function.Labels, function.Replicas, load, now);
        var refused = wanted == function.Refused && wanted != function.Replicas;
        _all[function.Name] = function = function with { Started = started, Refused = refused ? wanted : null, Trouble = wanted != function.Replicas ? function.Trouble : null };
        if (wanted == function.Replicas || refused)
        {
            return;
        }

        try
        {
            switch (await scale(function.Name, wanted))
            {
                case (true, { } reason):
                    _all[function.Name] = function with { Refused = wanted };
                    Log.NotScaled(log, name, wanted, reason);
                    break;
                case (true, null):
                    _all[function.Name] = function with { Trouble = null };
                    Log.Scaled(log, name, function.Replicas, wanted, waiting, running);
                    Metrics.Scaled(function.Name, wanted == 0 ? "zero" : wanted > function.Replicas ? "out" : "in");
                    break;
            }
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            // Its definition cannot be written: the next look tries again, and the others are scaled meanwhile.
            _all[function.Name] = function with { Trouble = fault.Message };
            if (fault.Message != function.Trouble)
            {
                Log.NotScaled(log, name, wanted, fault.Message);
            }
        }
    }

    /// <summary>A function and what the last look left of it.</summary>
    private sealed record Scaled(FunctionName Name, TimeSpan Since)
    {
        public ReplicaRule Rule { get; } = new(Since);

        public ScaleLabels Labels { get; init; } = new();

        public string Queue { get; init; } = "";

        public ulong Replicas { get; init; }

        /// <summary>Calls that had begun.</summary>
        public double Started { get; init; }

        /// <summary>Replicas that it cannot have, which was said.</summary>
        public ulong? Refused { get; init; }

        /// <summary>Why it could not be scaled though it may have them, which was said.</summary>
        public string? Trouble { get; init; }
    }
}
