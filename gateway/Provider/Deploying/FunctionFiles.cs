using Connectors.Provider.Isolation;
using Connectors.Provider.Logs;
using Connectors.Provider.State;
using Connectors.Sdk.Invocation;

namespace Connectors.Provider.Deploying;

/// <summary>What functions have on disk beside their definitions, as long as they are there: a directory, copies of the secrets that they list, a log.</summary>
internal sealed class FunctionFiles(ProviderOptions options, SecretStore secrets, FunctionLogs logs, Sandboxes sandboxes)
{
    /// <summary>Makes a function's directory and copies its secrets, for the processes that it will have.</summary>
    public async Task<Sandbox> PrepareAsync(FunctionDefinition definition)
    {
        var mounted = await secrets.MountAsync(definition.Deployment, sandboxes.User);
        return sandboxes.Prepare(definition.Name, mounted, ResourceLimits.Read(definition.Deployment.Limits, []));
    }

    public FunctionLog LogOf(FunctionName function) => logs.Of(function);

    /// <summary>Whether a function has a directory, be it one that somebody made for it.</summary>
    public bool HasFolder(FunctionName function) => sandboxes.HasFolder(function);

    /// <summary>Whether a function was given its directory here, and nobody took it back.</summary>
    public bool HasPrepared(FunctionName function) => sandboxes.HasPrepared(function);

    /// <summary>Finds the files that a function brings along.</summary>
    public HandlerFiles FindHandler(FunctionName function, string handlerFolder) =>
        HandlerFiles.Find(handlerFolder, FunctionFolder.Of(options, function), [.. options.HiddenPaths, options.DataPath]);

    /// <summary>Copies them into its directory; none of its processes may run.</summary>
    public void TakeHandler(FunctionName function, HandlerFiles handler)
    {
        sandboxes.MakeFolder(function);
        handler.Copy(sandboxes.User);
    }

    /// <summary>Functions of which anything is kept that is made for them here, deployed or not.</summary>
    public IEnumerable<FunctionName> Traces() => secrets.Mounted().Concat(logs.Kept()).Concat(sandboxes.Prepared()).Distinct();

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
}
