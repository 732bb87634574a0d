using Connectors.Gateway.Forwarding;
using Connectors.Gateway.Provider.Embedded.Logs;
using Connectors.Gateway.Provider.Embedded.Processes;
using Connectors.Gateway.Provider.Embedded.Running;
using Connectors.Gateway.Provider.Embedded.State;

namespace Connectors.Gateway.Provider.Embedded;

/// <summary>Makes a definition callable: its directory, its secrets, its log, and the way of running it that its environment asks for.</summary>
internal sealed class RunnerChoice(EmbeddedOptions options, SecretStore secrets, FunctionLogs logs, Relay relay, TimeProvider time, ILogger<RunnerChoice> log)
{
    public async Task<DeployedFunction> BuildAsync(FunctionDefinition definition)
    {
        var deployment = definition.Deployment;
        var settings = WatchdogSettings.Read(deployment, []);
        var folder = FunctionFolder.Of(options, definition.Name);
        Directory.CreateDirectory(folder);
        var setup = new FunctionSetup(
            definition.Name,
            settings,
            folder,
            FunctionFolder.Variables(deployment, folder, await secrets.MountAsync(deployment)),
            ResourceLimits.Read(deployment.Limits, []),
            logs.Of(definition.Name));
        IFunctionRunner runner = settings.Mode switch
        {
            RunMode.Fork => new ForkedRunner(setup, options.MaxOutputBytes, time),
            RunMode.Http => new HttpRunner(setup, relay, time, log),
            _ => new ServiceRunner(setup, relay, time),
        };
        return new DeployedFunction(definition, settings, runner);
    }

    /// <summary>Removes what a deleted function leaves.</summary>
    public void CleanUp(FunctionDefinition definition)
    {
        logs.Delete(definition.Name);
        secrets.Unmount(definition.Deployment);
        var folder = FunctionFolder.Of(options, definition.Name);
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
