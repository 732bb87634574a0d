using System.Collections.Concurrent;
using Connectors.Provider.Contracts;
using Connectors.Provider.State;
using Connectors.Sdk.Invocation;

namespace Connectors.Provider.Deploying;

/// <summary>The functions deployed here. A change is on disk before it counts, and one change is made at a time.</summary>
internal sealed class Functions(FunctionStore store, RunnerChoice runners, TimeProvider time, ILogger<Functions> log) : IDisposable
{
    private readonly ConcurrentDictionary<FunctionName, DeployedFunction> _all = new();
    private readonly SemaphoreSlim _changing = new(1, 1);

    public IEnumerable<DeployedFunction> All => _all.Values;

    public DeployedFunction? Find(FunctionName function) => _all.GetValueOrDefault(function);

    /// <summary>Takes in what was deployed before.</summary>
    public async Task LoadAsync()
    {
        foreach (var definition in store.ReadAll())
        {
            await PutAsync(definition);
        }
    }

    /// <summary>Deploys what passed <see cref="DeployRules"/>.</summary>
    /// <param name="deployment">The function, its namespace filled in.</param>
    /// <param name="expected">Whether the function must be there before, or must not; null for either.</param>
    /// <param name="handlerFolder">Files for the function's directory; null for none.</param>
    /// <returns>False if <paramref name="expected"/> was not met.</returns>
    public Task<bool> DeployAsync(FunctionDeployment deployment, bool? expected, string? handlerFolder = null) => ChangeAsync(async () =>
    {
        var name = new FunctionName(deployment.Service, deployment.Namespace!);
        var before = Find(name);
        if (expected is { } must && must != before is not null)
        {
            return false;
        }

        var definition = new FunctionDefinition
        {
            Deployment = deployment,
            CreatedAt = before?.Definition.CreatedAt ?? time.GetUtcNow(),
            Replicas = Math.Max(before?.Definition.Replicas ?? 0, MinReplicas.Of(deployment)),
        };
        if (handlerFolder is not null)
        {
            await EndAsync(before);
            runners.TakeFiles(name, handlerFolder);
        }

        await store.WriteAsync(definition);
        await PutAsync(definition);
        await EndAsync(before);
        Log.Deployed(log, name.ToString());
        if (deployment.Limits?.Cpu is { Length: > 0 } cpu)
        {
            Log.CpuNotLimited(log, name.ToString(), cpu);
        }

        return true;
    });

    /// <summary>Null means done, otherwise why not; false that there is no such function.</summary>
    public Task<(bool Found, string? Refusal)> ScaleAsync(FunctionName function, ulong replicas) => ChangeAsync<(bool, string?)>(async () =>
    {
        if (Find(function) is not { } found)
        {
            return (false, null);
        }

        if (found.Runner.RefusalOf((int)replicas) is { } refusal)
        {
            return (true, refusal);
        }

        var scaled = found.Definition with { Replicas = replicas };
        await store.WriteAsync(scaled);
        found.Scale(scaled);
        return (true, null);
    });

    /// <summary>Gives a function without replicas the least that it may have; one with replicas is left as it is.</summary>
    public Task WakeAsync(DeployedFunction function) => ChangeAsync(async () =>
    {
        if (function.Definition.Replicas == 0)
        {
            var woken = function.Definition with { Replicas = MinReplicas.Of(function.Definition.Deployment) };
            await store.WriteAsync(woken);
            function.Scale(woken);
        }

        return true;
    });

    /// <summary>False if there is no such function.</summary>
    public Task<bool> DeleteAsync(FunctionName function) => ChangeAsync(async () =>
    {
        if (!_all.ContainsKey(function))
        {
            return false;
        }

        store.Delete(function);
        _all.TryRemove(function, out var before);
        await EndAsync(before);
        await runners.CleanUpAsync(before!.Definition);
        Log.Deleted(log, function.ToString());
        return true;
    });

    /// <summary>Gives functions that list a secret its new value; processes that stay are started again with it.</summary>
    public Task RefreshAsync(string ns, string secret) => ChangeAsync(async () =>
    {
        foreach (var function in All.Where(f => f.Definition.Name.Namespace == ns && f.Definition.Deployment.Secrets?.Contains(secret) == true))
        {
            await PutAsync(function.Definition);
            await EndAsync(function);
        }

        return true;
    });

    /// <summary>Ends every process.</summary>
    public Task StopAsync() => Task.WhenAll(All.Select(function => function.Runner.DisposeAsync().AsTask()));

    public void Dispose() => _changing.Dispose();

    private async Task<T> ChangeAsync<T>(Func<Task<T>> change)
    {
        await _changing.WaitAsync();
        try
        {
            return await change();
        }
        finally
        {
            _changing.Release();
        }
    }

    private async Task PutAsync(FunctionDefinition definition)
    {
        var function = await runners.BuildAsync(definition);
        function.Runner.Scale((int)definition.Replicas);
        _all[definition.Name] = function;
    }

    private static async Task EndAsync(DeployedFunction? function)
    {
        if (function is not null)
        {
            await function.Runner.DisposeAsync();
        }
    }
}
