using Connectors.Provider.Contracts;
using Connectors.Provider.Deploying;
using Connectors.Provider.Isolation;
using Connectors.Provider.Processes;
using Connectors.Provider.State;
using Connectors.Sdk.Hosting;

namespace Connectors.Provider;

/// <summary>At start: what was deployed before, then the stack file over it, as <c>faas-cli deploy -f</c> would. At the end: no process stays.</summary>
internal sealed class EmbeddedStart(
    ProviderOptions options, Sandboxes sandboxes, Functions functions, SecretStore secrets, NamespaceStore namespaces, ILogger<EmbeddedStart> log) : IHostedService
{
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        if (Tool.Missing is { Count: > 0 } missing)
        {
            throw new ConfigurationException($"The embedded provider needs {string.Join(", ", missing)} (util-linux); install them, or set functions_provider_url.");
        }

        GatewayProcess.Close();
        try
        {
            DataFolder.Make(options.DataPath);
            await sandboxes.ChooseAsync(cancellationToken);
            namespaces.Load();
            secrets.Load();
            await functions.LoadAsync();
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new ConfigurationException($"data_path: {options.DataPath} cannot be used: {fault.Message}", fault);
        }

        if (options.FunctionsPath is { } path)
        {
            await DeployAsync(path);
        }

        Log.FunctionsReady(log, functions.All.Count());
    }

    public Task StopAsync(CancellationToken cancellationToken) => functions.StopAsync();

    private async Task DeployAsync(string path)
    {
        var stack = (from entry in StackFile.Read(path, Environment.GetEnvironmentVariable)
                     select entry with { Deployment = entry.Deployment with { Namespace = entry.Deployment.Namespace ?? options.DefaultNamespace } }).ToList();
        var faults = from entry in stack
                     from fault in DeployRules.Faults(entry.Deployment)
                     select entry.Locate(fault);
        if (faults.ToList() is { Count: > 0 } all)
        {
            throw new ConfigurationException(string.Join('\n', all));
        }

        foreach (var ns in stack.Select(entry => entry.Deployment.Namespace!).Where(ns => namespaces.Find(ns) is null).Distinct())
        {
            await namespaces.WriteAsync(new FunctionNamespace { Name = ns });
        }

        foreach (var entry in stack)
        {
            // Secrets are made by the API of a gateway that runs: one that is missing does not keep it from running.
            if (DeployRules.MissingSecrets(entry.Deployment, secrets).Select(entry.Locate).ToList() is { Count: > 0 } missing)
            {
                NotDeployed(entry, string.Join("; ", missing));
                continue;
            }

            try
            {
                await functions.DeployAsync(entry.Deployment, expected: null, entry.HandlerFolder);
            }
            catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
            {
                NotDeployed(entry, entry.Locate($"handler: {fault.Message}"));
            }
        }
    }

    private void NotDeployed(StackFunction entry, string fault) => Log.NotDeployed(log, $"{entry.Deployment.Service}.{entry.Deployment.Namespace}", fault);
}
