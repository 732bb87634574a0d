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

    // One that is being changed in another way keeps the others waiting no longer.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

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
                let queue = FunctionSettings.Of(name, function, name.Namespace).Queue ?? options.DefaultQueue
                select before.GetValueOrDefault(name, new Scaled(name, now, queue)).In(queue) with { Labels = labels, Replicas = function.Replicas ?? 0 })
            .ToDictionary(function => function.Name);
        foreach (var gone in before.Keys.Except(_all.Keys))
        {
            Metrics.ScalingEnded(gone);
        }

        var found = new Dictionary<string, Backlog>();
        foreach (var queue in _all.Values.SelectMany(function => function.Queues).ToHashSet())
        {
            if (await BacklogAsync(queue, ct) is { } backlog)
            {
                found[queue] = backlog;
            }
        }

        foreach (var function in _all.Values.Where(function => function.Queues.All(found.ContainsKey)).ToList())
        {
            await ScaleAsync(function, found, now, ct);
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

    private async Task ScaleAsync(Scaled function, Dictionary<string, Backlog> found, TimeSpan now, CancellationToken ct)
    {
        var name = function.Name.ToString();
        var (waiting, running) = (function.Queues.Sum(Waiting), function.Queues.Sum(Running));
        var (started, called) = Metrics.ActivityOf(function.Name);
        var load = new FunctionLoad(waiting, running, called > 0 || started != function.Started);
        Metrics.WaitingOf(function.Name, waiting);

        var wanted = function.Rule.Next(function.Labels, function.Replicas, load, now);
        var refused = wanted == function.Refused && wanted != function.Replicas;
        var left = function.Left.Where(queue => found[queue].Needs(name)).ToArray();
        _all[function.Name] = function = function with { Started = started, Left = left, Refused = refused ? wanted : null, Trouble = wanted != function.Replicas ? function.Trouble : null };
        if (wanted == function.Replicas || refused)
        {
            return;
        }

        using var limit = new TimeLimit(Patience, time, ct);
        try
        {
            switch (await scale(function.Name, wanted, limit.Token))
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
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException || (fault is OperationCanceledException && limit.IsOver))
        {
            // Its definition cannot be written, or somebody else changes it: the next look tries again, and the others are scaled meanwhile.
            var trouble = fault is OperationCanceledException ? "another change of it has not ended" : fault.Message;
            _all[function.Name] = function with { Trouble = trouble };
            if (trouble != function.Trouble)
            {
                Log.NotScaled(log, name, wanted, trouble);
            }
        }

        long Waiting(string queue) => found[queue].WaitingOf(name);
        long Running(string queue) => found[queue].InHand.Running.GetValueOrDefault(name);
    }

    /// <summary>A function and what the last look left of it.</summary>
    private sealed record Scaled(FunctionName Name, TimeSpan Since, string Queue)
    {
        public ReplicaRule Rule { get; } = new(Since);

        public ScaleLabels Labels { get; init; } = new();

        /// <summary>Queues that it was in before, with calls of it.</summary>
        public IReadOnlyList<string> Left { get; init; } = [];

        public IEnumerable<string> Queues => Left.Prepend(Queue);

        public ulong Replicas { get; init; }

        public Scaled In(string queue) => queue == Queue ? this : this with { Queue = queue, Left = [.. Queues.Where(left => left != queue)] };

        /// <summary>Calls that had begun.</summary>
        public double Started { get; init; }

        /// <summary>Replicas that it cannot have, which was said.</summary>
        public ulong? Refused { get; init; }

        /// <summary>Why it could not be scaled though it may have them, which was said.</summary>
        public string? Trouble { get; init; }
    }
}
