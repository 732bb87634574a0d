using System.Collections.Concurrent;
using Connectors.Provider.Contracts;
using Connectors.Provider.Running;
using Connectors.Provider.State;
using Connectors.Sdk.Invocation;

namespace Connectors.Provider.Deploying;

/// <summary>
/// The functions deployed here. A change is on disk before it counts, but for a call that wakes its function; and one change of a function is made at a time.
/// </summary>
internal sealed class Functions(FunctionStore store, FunctionBuilder builder, FunctionFiles files, TimeProvider time, ILogger<Functions> log)
{
    private readonly ConcurrentDictionary<FunctionName, DeployedFunction> _all = new();
    private readonly FunctionLocks _changing = new();

    // What was replaced or deleted and still ends its calls and processes; nobody's lock is held for it.
    private readonly ConcurrentDictionary<DeployedFunction, Task> _leaving = new();

    // Deletions that wait for that.
    private readonly ConcurrentDictionary<Task, FunctionName> _removing = new();

    public IEnumerable<DeployedFunction> All => _all.Values;

    public DeployedFunction? Find(FunctionName function) => _all.GetValueOrDefault(function);

    /// <summary>Takes in what was deployed before. A function that cannot be made callable is told and left out; the others do not notice.</summary>
    public async Task LoadAsync()
    {
        foreach (var definition in store.ReadAll())
        {
            try
            {
                Put(await builder.BuildAsync(definition with { Replicas = Possible(definition.Deployment, definition.Replicas) }), after: Task.CompletedTask);
            }
            catch (Exception fault)
            {
                Log.NotLoaded(log, definition.Name.ToString(), fault.Message);
            }
        }
    }

    /// <summary>Deploys what passed <see cref="DeployRules"/>.</summary>
    /// <param name="deployment">The function, its namespace filled in.</param>
    /// <param name="expected">Whether the function must be there before, or must not; null for either.</param>
    /// <param name="handlerFolder">Files for the function's directory; null for none.</param>
    /// <param name="ct">Ends the wait for another change of the function.</param>
    /// <returns>False if <paramref name="expected"/> was not met.</returns>
    /// <exception cref="IOException">It cannot be deployed. One that was deployed before goes on as it was.</exception>
    public async Task<bool> DeployAsync(FunctionDeployment deployment, bool? expected, string? handlerFolder, CancellationToken ct)
    {
        var name = new FunctionName(deployment.Service, deployment.Namespace!);
        using var changing = await _changing.EnterAsync(name, ct);
        var before = Find(name);
        if (expected is { } must && must != before is not null)
        {
            return false;
        }

        var hadOwn = files.HasFolder(name) && !files.HasPrepared(name);
        var handler = handlerFolder is null ? null : files.FindHandler(name, handlerFolder);
        var definition = new FunctionDefinition
        {
            Deployment = deployment,
            CreatedAt = before?.Definition.CreatedAt ?? time.GetUtcNow(),
            Replicas = Possible(deployment, Math.Max(before?.Definition.Replicas ?? 0, MinReplicas.Of(deployment))),
        };
        try
        {
            if (handler is not null)
            {
                if (before is not null)
                {
                    await before.Runner.Scale(0, Task.CompletedTask);
                }

                files.TakeHandler(name, handler);
            }

            // Built before it is written: what cannot be called now must not be there after a restart.
            var function = await builder.BuildAsync(definition);
            await store.WriteAsync(definition);
            Replace(before, function);
        }
        catch when (before is not null)
        {
            await RestoreAsync(before);
            throw;
        }
        catch
        {
            await UndoAsync(name, keepsFolder: hadOwn);
            throw;
        }

        Log.Deployed(log, name.ToString());
        TellUnenforced(name, deployment.Limits);
        return true;
    }

    /// <summary>Null means done, otherwise why not; false that there is no such function.</summary>
    public async Task<(bool Found, string? Refusal)> ScaleAsync(FunctionName function, ulong replicas, CancellationToken ct)
    {
        using var changing = await _changing.EnterAsync(function, ct);
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
    }

    /// <summary>
    /// Gives a function without replicas the least that it may have; one with replicas is left as it is. Returns the function as it is deployed now, which
    /// may be another than when the caller looked; null if it is gone. A disk that takes nothing keeps no call waiting: after a restart the next call wakes it.
    /// </summary>
    public async Task<DeployedFunction?> WakeAsync(FunctionName function, CancellationToken ct)
    {
        using var changing = await _changing.EnterAsync(function, ct);
        var found = Find(function);
        if (found?.Definition.Replicas == 0)
        {
            var woken = found.Definition with { Replicas = Possible(found.Definition.Deployment, MinReplicas.Of(found.Definition.Deployment)) };
            try
            {
                await store.WriteAsync(woken);
            }
            catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
            {
                Log.WakeNotStored(log, function.ToString(), fault.Message);
            }

            found.Scale(woken);
        }

        return found;
    }

    /// <summary>
    /// Deletes a function, also one that is only on disk because it could not be taken in, and waits for the end of its calls and processes. False if there is no
    /// such function.
    /// </summary>
    public async Task<bool> DeleteAsync(FunctionName function, CancellationToken ct)
    {
        Task removing;
        using (await _changing.EnterAsync(function, ct))
        {
            var before = Find(function);
            if (before is null && !IsOnDisk(function))
            {
                return false;
            }

            store.Delete(function);
            _all.TryRemove(function, out _);
            removing = RemoveAsync(function, before);
            _removing[removing] = function;
        }

        try
        {
            await removing;
        }
        finally
        {
            _removing.TryRemove(removing, out _);
        }

        Log.Deleted(log, function.ToString());
        return true;
    }

    /// <summary>
    /// Removes what functions left that are not deployed: a gateway was killed while it deleted them, or made them. Files in a directory that no function here was
    /// given stay. Only at start, before anything is deployed by the API.
    /// </summary>
    /// <param name="spared">Functions that are left alone: they are to be deployed here, and could not be yet.</param>
    public async Task CleanUpAsync(IEnumerable<FunctionName> spared)
    {
        var left = files.Traces().Except(spared).Where(name => DeployRules.IsName(name.Name) && DeployRules.IsName(name.Namespace) && !store.Contains(name));
        foreach (var function in left.ToList())
        {
            try
            {
                await files.CleanUpAsync(function, keepsFolder: !files.HasPrepared(function));
            }
            catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
            {
                Log.RemainsLeft(log, function.ToString(), fault.Message);
            }
        }
    }

    /// <summary>Gives functions that list a secret its new value; processes that stay are started again with it.</summary>
    /// <exception cref="AggregateException">One or more could not get it; the others have it.</exception>
    public async Task RefreshAsync(string ns, string secret)
    {
        var faults = new List<Exception>();
        foreach (var name in All.Where(f => f.Definition.Name.Namespace == ns && Lists(f)).Select(f => f.Definition.Name).ToList())
        {
            using var changing = await _changing.EnterAsync(name, CancellationToken.None);
            try
            {
                if (Find(name) is { } function && Lists(function))
                {
                    Replace(function, await builder.BuildAsync(function.Definition));
                }
            }
            catch (Exception fault)
            {
                faults.Add(fault);
            }
        }

        if (faults.Count > 0)
        {
            throw new AggregateException(faults);
        }

        bool Lists(DeployedFunction function) => function.Definition.Deployment.Secrets?.Contains(secret) == true;
    }

    /// <summary>Ends every process, each within its time, and all at once with <paramref name="now"/>; and lets deletions come to their end until then.</summary>
    public async Task StopAsync(CancellationToken now)
    {
        await using var cut = now.Register(builder.Cut);
        await Task.WhenAll(All.Concat(_leaving.Keys).Select(function => function.Runner.DisposeAsync().AsTask()));
        await Task.WhenAll(_removing.Keys).WaitAsync(now).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private void TellUnenforced(FunctionName function, FunctionResources? limits)
    {
        if (limits?.Cpu is { Length: > 0 } cpu)
        {
            Log.CpuNotLimited(log, function.ToString(), cpu);
        }

        if (limits?.Gpus is { Length: > 0 } gpus)
        {
            Log.GpusNotSetAside(log, function.ToString(), gpus);
        }
    }

    // As many of the wanted as it can have: others may have been given to it under its former settings, or by an older gateway.
    private static ulong Possible(FunctionDeployment deployment, ulong wanted) => Math.Min(wanted, WatchdogSettings.Read(deployment, []).MaxReplicas);

    // Whatever a caller gives as a name becomes part of a path here.
    private bool IsOnDisk(FunctionName function) => DeployRules.IsName(function.Name) && DeployRules.IsName(function.Namespace) && store.Contains(function);

    // Two processes cannot listen on one fixed port: the new one starts after the old one's end, and calls wait for it meanwhile.
    private void Replace(DeployedFunction? before, DeployedFunction function)
    {
        var leaving = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Put(function, after: before is { Runner.IsAlone: true } ? leaving.Task : Task.CompletedTask);
        _ = LeaveAsync(before, isReplaced: true).ContinueWith(_ => leaving.SetResult(), TaskScheduler.Default);
    }

    private void Put(DeployedFunction function, Task after)
    {
        _ = function.Runner.Scale((int)function.Definition.Replicas, after);
        _all[function.Definition.Name] = function;
    }

    // Its secrets and what its processes see may be those of what took its place in vain, and for new files its processes have ended.
    private async Task RestoreAsync(DeployedFunction function)
    {
        try
        {
            await builder.BuildAsync(function.Definition);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            // What the deployment failed at is told already.
        }

        _ = function.Runner.Scale((int)function.Definition.Replicas, Task.CompletedTask);
    }

    // One that is not deployed after all leaves nothing but files that were in its directory before. One that is on disk and cannot be read has what is there, and one
    // whose deletion still waits for its calls has it until then.
    private async Task UndoAsync(FunctionName function, bool keepsFolder)
    {
        if (store.Contains(function) || IsLeaving(function))
        {
            return;
        }

        try
        {
            await files.CleanUpAsync(function, keepsFolder);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            // What the deployment failed at is told already.
        }
    }

    // Nobody's lock is held while calls and processes end. One that is deployed again meanwhile keeps what it has in common with the one that goes.
    private async Task RemoveAsync(FunctionName function, DeployedFunction? before)
    {
        var replaced = _leaving.Keys.Where(leaving => leaving.Definition.Name == function).ToList();
        await Task.WhenAll([LeaveAsync(before, isReplaced: false), .. replaced.Select(leaving => leaving.Runner.DisposeAsync().AsTask())]);
        using var changing = await _changing.EnterAsync(function, CancellationToken.None);
        if (!store.Contains(function) && !IsLeaving(function))
        {
            await files.CleanUpAsync(function, keepsFolder: false);
        }
    }

    private bool IsLeaving(FunctionName function) => _leaving.Any(leaving => leaving.Key.Definition.Name == function && !leaving.Value.IsCompleted);

    private async Task LeaveAsync(DeployedFunction? function, bool isReplaced)
    {
        if (function is null)
        {
            return;
        }

        var ending = isReplaced ? function.Runner.RetireAsync() : function.Runner.DisposeAsync().AsTask();
        _leaving[function] = ending;
        try
        {
            await ending;
        }
        finally
        {
            _leaving.TryRemove(function, out _);
        }
    }
}
