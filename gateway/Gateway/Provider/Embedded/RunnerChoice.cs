using Connectors.Gateway.Forwarding;
using Connectors.Gateway.Provider.Embedded.Logs;
using Connectors.Gateway.Provider.Embedded.Processes;
using Connectors.Gateway.Provider.Embedded.Running;
using Connectors.Gateway.Provider.Embedded.State;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.Gateway.Provider.Embedded;

/// <summary>Makes a definition callable: its directory, its secrets, its log, and the way of running it that its environment asks for.</summary>
internal sealed class RunnerChoice(
    EmbeddedOptions options, Isolation isolation, SecretStore secrets, FunctionLogs logs, Relay relay, TimeProvider time, ILogger<RunnerChoice> log)
{
    public async Task<DeployedFunction> BuildAsync(FunctionDefinition definition)
    {
        var deployment = definition.Deployment;
        var settings = WatchdogSettings.Read(deployment, []);
        var mounted = await secrets.MountAsync(deployment, isolation.User);
        var sandbox = isolation.Prepare(definition.Name, mounted, ResourceLimits.Read(deployment.Limits, []));
        var setup = new FunctionSetup(definition.Name, settings, sandbox, FunctionFolder.Variables(deployment, sandbox.Folder, mounted), logs.Of(definition.Name));
        IFunctionRunner runner = settings.Mode switch
        {
            RunMode.Fork => new ForkedRunner(setup, options.MaxOutputBytes, time),
            RunMode.Http => new HttpRunner(setup, relay, time, log),
            _ => new ServiceRunner(setup, relay, time),
        };
        return new DeployedFunction(definition, settings, runner);
    }

    /// <summary>Removes what a deleted function leaves.</summary>
    public Task CleanUpAsync(FunctionDefinition definition)
    {
        logs.Delete(definition.Name);
        secrets.Unmount(definition.Deployment);
        return isolation.RemoveAsync(definition.Name);
    }

    /// <summary>Copies files into a function's directory; none of its processes may run.</summary>
    public void TakeFiles(FunctionName function, string handlerFolder) =>
        HandlerFiles.Copy(handlerFolder, isolation.Prepare(function, secrets: null, limits: []).Folder, isolation.User);
}
