using Connectors.Provider.Contracts;
using Connectors.Provider.Deploying;
using Connectors.Provider.Isolation;
using Connectors.Provider.Processes;
using Connectors.Provider.Running;
using Connectors.Provider.State;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;

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
        foreach (var (_, port) in options.OwnPorts)
        {
            // The listeners begin after the functions, which would find their ports free.
            ProcessPort.Withhold(port);
        }

        try
        {
            options.Data.Make();
            await sandboxes.ChooseAsync(cancellationToken);
            namespaces.Load();
            secrets.Load();
            await functions.LoadAsync();
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw Unusable(fault);
        }

        var named = options.FunctionsPath is { } path ? await DeployAsync(path, cancellationToken) : [];
        try
        {
            await functions.CleanUpAsync(spared: named);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw Unusable(fault);
        }

        Log.FunctionsReady(log, functions.All.Count());
    }

    /// <summary>Each process has its function's write_timeout, and none more than the host gives to all.</summary>
    public Task StopAsync(CancellationToken cancellationToken) => functions.StopAsync(cancellationToken);

    private ConfigurationException Unusable(Exception fault) => new($"data_path: {options.DataPath} cannot be used: {fault.Message}", fault);

    // Returns what the file names, deployed or not.
    private async Task<IReadOnlyList<FunctionName>> DeployAsync(string path, CancellationToken ct)
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

        foreach (var (i, entry) in stack.Index())
        {
            // Those that follow in the file and go to other ports have theirs only until then: two may exchange them.
            var leaving = stack.Skip(i + 1).Where(later => PortOf(later) != PortOf(entry)).Select(NameOf);
            var others = functions.All.Select(other => other.PortUse).ExceptBy(leaving, other => other.Function);

            // Secrets are made by the API of a gateway that runs, functions with ports too: neither keeps it from running.
            if (DeployRules.MissingSecrets(entry.Deployment, secrets).Concat(DeployRules.PortFaults(entry.Deployment, options, others)).ToList() is { Count: > 0 } lacks)
            {
                NotDeployed(entry, string.Join("; ", lacks.Select(entry.Locate)));
                continue;
            }

            try
            {
                await functions.DeployAsync(entry.Deployment, expected: null, entry.HandlerFolder, ct);
            }
            catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
            {
                NotDeployed(entry, entry.Locate($"handler: {fault.Message}"));
            }
        }

        return [.. stack.Select(NameOf)];
    }

    private static FunctionName NameOf(StackFunction entry) => new(entry.Deployment.Service, entry.Deployment.Namespace!);

    private static int? PortOf(StackFunction entry) => DeployRules.PortOf(entry.Deployment).Port;

    private void NotDeployed(StackFunction entry, string fault) => Log.NotDeployed(log, NameOf(entry).ToString(), fault);
}
