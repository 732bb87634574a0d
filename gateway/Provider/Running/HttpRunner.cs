using Connectors.Provider.Contracts;

namespace Connectors.Provider.Running;

/// <summary>Processes that stay and speak HTTP, as many as replicas were asked for; a call goes to the one with the fewest calls.</summary>
internal sealed class HttpRunner(FunctionSetup setup, HttpCall call, TimeProvider time, ILogger log) : IFunctionRunner
{
    // Guards the list, and its end: scaling adds and removes, calls choose.
    private readonly Lock _choosing = new();
    private readonly List<Replica> _replicas = [];
    private readonly CancellationTokenSource _end = new();
    private Task _leaving = Task.CompletedTask;
    private Task? _ending;

    public int Available
    {
        get
        {
            lock (_choosing)
            {
                return _replicas.Count(replica => replica.State == ReplicaState.Ready);
            }
        }
    }

    public string? RefusalOf(int replicas) => (ulong)replicas > setup.Settings.MaxReplicas ? WatchdogSettings.OnePortRule : null;

    public bool IsAlone => setup.Settings.FixedPort is not null;

    public Task Scale(int replicas, Task after)
    {
        lock (_choosing)
        {
            replicas = _ending is null ? replicas : 0;
            var begin = IsAlone ? Task.WhenAll(after, _leaving) : after;
            while (_replicas.Count < replicas)
            {
                _replicas.Add(new Replica(setup, begin, time, log, _end.Token));
            }

            // Those with the fewest calls go. Nobody chooses them any more, so that their calls only become fewer.
            foreach (var surplus in _replicas.OrderByDescending(replica => replica.Running).Skip(replicas).ToList())
            {
                _replicas.Remove(surplus);
                _leaving = Task.WhenAll(_leaving, surplus.RetireAsync(_end.Token));
            }

            return _leaving;
        }
    }

    public async Task<bool> AnswerAsync(HttpContext caller, FunctionPath path, CancellationToken ct)
    {
        var (replica, hasOthers) = await ChooseAsync(ct);
        if (replica is null)
        {
            if (hasOthers)
            {
                await InternalError.NoEndpointsAsync(caller, setup.Name);
            }

            return hasOthers;
        }

        try
        {
            return await call.AnswerAsync(caller, path, replica.Address, ct);
        }
        finally
        {
            replica.Release();
        }
    }

    public Task RetireAsync() => DisposeAsync().AsTask();

    public ValueTask DisposeAsync()
    {
        lock (_choosing)
        {
            return new ValueTask(_ending ??= EndAsync());
        }
    }

    private async Task EndAsync()
    {
        await _end.CancelAsync();
        await Scale(0, Task.CompletedTask);
        _end.Dispose();
    }

    // Waits for a process that is starting; one that keeps dying is not waited for. Without a replica to use: whether there are any.
    private async Task<(Replica? Replica, bool HasOthers)> ChooseAsync(CancellationToken ct)
    {
        while (true)
        {
            List<Task> starting;
            bool hasOthers;
            lock (_choosing)
            {
                // The change is read before the state: a change in between ends the wait for it.
                var seen = _replicas.Select(replica => (replica.Changed, replica.State, Replica: replica)).ToList();
                if (seen.Where(s => s.State == ReplicaState.Ready).Select(s => s.Replica).MinBy(r => r.Running) is { } ready)
                {
                    ready.Take();
                    return (ready, true);
                }

                hasOthers = seen.Count > 0;
                starting = [.. seen.Where(s => s.State == ReplicaState.Starting).Select(s => s.Changed)];
            }

            if (starting.Count == 0)
            {
                return (null, hasOthers);
            }

            // Changes may be long in coming, and calls that give up many: each takes along what it left there to wait.
            using var over = CancellationTokenSource.CreateLinkedTokenSource(ct);
            await Task.WhenAny(starting.Select(changed => changed.WaitAsync(over.Token)));
            await over.CancelAsync();
            ct.ThrowIfCancellationRequested();
        }
    }
}
