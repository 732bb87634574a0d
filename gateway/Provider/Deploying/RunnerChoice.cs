using Connectors.Provider.Contracts;
using Connectors.Provider.Isolation;
using Connectors.Provider.Logs;
using Connectors.Provider.Running;
using Connectors.Provider.State;
using Connectors.Sdk.Invocation;

namespace Connectors.Provider.Deploying;

/// <summary>Makes a definition callable: its directory, its secrets, its log, and the way of running it that its environment asks for.</summary>
internal sealed class RunnerChoice(
    ProviderOptions options, Sandboxes sandboxes, SecretStore secrets, FunctionLogs logs, IFunctionForwarder forwarder, InvocationCount invocations, TimeProvider time, ILogger<RunnerChoice> log)
    : IDisposable
{
    private readonly CancellationTokenSource _cut = new();

    public async Task<DeployedFunction> BuildAsync(FunctionDefinition definition)
    {
        var deployment = definition.Deployment;
        var settings = WatchdogSettings.Read(deployment, []);
        var mounted = await secrets.MountAsync(deployment, sandboxes.User);
        var sandbox = sandboxes.Prepare(definition.Name, mounted, ResourceLimits.Read(deployment.Limits, []));
        var setup = new FunctionSetup(definition.Name, settings, sandbox, FunctionFolder.Variables(deployment, sandbox.Folder, mounted), logs.Of(definition.Name), _cut.Token);
        var call = new HttpCall(setup, forwarder, options.MaxOutputBytes, time);
        IFunctionRunner runner = settings.Mode switch
        {
            RunMode.Fork => new ForkedRunner(setup, options.MaxOutputBytes, time, log),
            RunMode.Http => new HttpRunner(setup, call, time, log),
            _ => new ServiceRunner(setup, call),
        };
        return new DeployedFunction(definition, settings, runner, invocations);
    }

    /// <summary>Removes what a deleted function leaves: the copies of its secrets first.</summary>
    /// <param name="function">The function.</param>
    /// <param name="keepsFolder">Whether its directory is left to whoever made it.</param>
    public async Task CleanUpAsync(FunctionName function, bool keepsFolder)
    {
        secrets.Unmount(function);
        logs.Delete(function);
        if (keepsFolder)
        {
            sandboxes.Forget(function);
        }
        else
        {
            await sandboxes.RemoveAsync(function);
        }
    }

    /// <summary>Functions of which anything is kept that is made for them here, deployed or not.</summary>
    public IEnumerable<FunctionName> Traces() => secrets.Mounted().Concat(logs.Kept()).Concat(sandboxes.Prepared()).Distinct();

    /// <summary>Whether a function was given its directory here, and nobody took it back.</summary>
    public bool HasPrepared(FunctionName function) => sandboxes.HasPrepared(function);

    /// <summary>Whether a function has a directory, be it one that somebody made for it.</summary>
    public bool HasFolder(FunctionName function) => sandboxes.HasFolder(function);

    /// <summary>From now on nothing that is to end has time for it.</summary>
    public void Cut() => _cut.Cancel();

    public void Dispose() => _cut.Dispose();

    /// <summary>Finds the files that a function brings along.</summary>
    public HandlerFiles FindFiles(FunctionName function, string handlerFolder) =>
        HandlerFiles.Find(handlerFolder, FunctionFolder.Of(options, function), [.. options.HiddenPaths, options.DataPath]);

    /// <summary>Copies them into its directory; none of its processes may run.</summary>
    public void TakeFiles(FunctionName function, HandlerFiles files)
    {
        sandboxes.MakeFolder(function);
        files.Copy(sandboxes.User);
    }
}
