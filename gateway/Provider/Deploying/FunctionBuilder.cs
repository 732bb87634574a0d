using Connectors.Provider.Contracts;
using Connectors.Provider.Isolation;
using Connectors.Provider.Running;
using Connectors.Provider.State;

namespace Connectors.Provider.Deploying;

/// <summary>Makes a definition callable, in the way of running it that its environment asks for.</summary>
internal sealed class FunctionBuilder(
    ProviderOptions options, FunctionFiles files, IFunctionForwarder forwarder, InvocationCount invocations, TimeProvider time, ILogger<FunctionBuilder> log)
    : IDisposable
{
    private readonly CancellationTokenSource _cut = new();

    public async Task<DeployedFunction> BuildAsync(FunctionDefinition definition)
    {
        var settings = WatchdogSettings.Read(definition.Deployment, []);
        var sandbox = await files.PrepareAsync(definition);
        var variables = FunctionFolder.Variables(definition.Deployment, sandbox.Folder, sandbox.Secrets);
        var setup = new FunctionSetup(definition.Name, settings, sandbox, variables, files.LogOf(definition.Name), _cut.Token);
        var call = new HttpCall(setup, forwarder, options.MaxOutputBytes, time);
        IFunctionRunner runner = settings.Mode switch
        {
            RunMode.Fork => new ForkedRunner(setup, options.MaxOutputBytes, time, log),
            RunMode.Http => new HttpRunner(setup, call, time, log),
            _ => new ServiceRunner(setup, call),
        };
        return new DeployedFunction(definition, settings, runner, invocations);
    }

    /// <summary>From now on nothing that is to end has time for it.</summary>
    public void Cut() => _cut.Cancel();

    public void Dispose() => _cut.Dispose();
}
