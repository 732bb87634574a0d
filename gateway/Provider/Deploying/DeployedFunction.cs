using Connectors.Provider.Contracts;
using Connectors.Provider.Running;
using Connectors.Provider.State;

namespace Connectors.Provider.Deploying;

/// <summary>A function that can be called: its definition and what runs it. An update makes a new one; calls in flight end on the old.</summary>
internal sealed class DeployedFunction(FunctionDefinition definition, WatchdogSettings settings, IFunctionRunner runner, InvocationCount invocations)
{
    // What is the same for as long as it is deployed so.
    private readonly FunctionStatus _deployed = Deployed(definition);
    private volatile FunctionDefinition _definition = definition;
    private int _running;

    public FunctionDefinition Definition => _definition;

    public IFunctionRunner Runner => runner;

    public PortUse PortUse => new(_definition.Name, settings.FixedPort);

    /// <summary>The same function with another number of replicas: nothing else of its definition may differ.</summary>
    public void Scale(FunctionDefinition scaled)
    {
        _definition = scaled;
        _ = runner.Scale((int)scaled.Replicas, Task.CompletedTask);
    }

    /// <summary>False if the caller has no answer yet, as <see cref="IFunctionRunner.AnswerAsync"/> says.</summary>
    public async Task<bool> AnswerAsync(HttpContext caller, FunctionPath path, CancellationToken ct)
    {
        try
        {
            if (Interlocked.Increment(ref _running) > (long?)settings.MaxInflight * (long)Math.Max(1, _definition.Replicas))
            {
                await InternalError.AnswerAsync(
                    caller, StatusCodes.Status429TooManyRequests, InternalError.Limiter, $"Concurrent request limit exceeded. Max concurrent requests: {settings.MaxInflight}");
                return true;
            }

            return await runner.AnswerAsync(caller, path, ct);
        }
        finally
        {
            Interlocked.Decrement(ref _running);
        }
    }

    public FunctionStatus Status()
    {
        var replicas = _definition.Replicas;
        var available = runner.Available;
        return _deployed with
        {
            InvocationCount = invocations(_definition.Name),
            Replicas = replicas == 0 ? null : replicas,
            AvailableReplicas = available == 0 ? null : (ulong)available,
        };
    }

    private static FunctionStatus Deployed(FunctionDefinition definition)
    {
        var deployment = definition.Deployment;
        return new FunctionStatus
        {
            Name = deployment.Service,
            Image = deployment.Image,
            Namespace = deployment.Namespace,
            EnvProcess = deployment.EnvProcess,
            EnvVars = deployment.EnvVars,
            Constraints = deployment.Constraints,
            Secrets = deployment.Secrets,
            Labels = deployment.Labels,
            Annotations = deployment.Annotations,
            Limits = deployment.Limits,
            Requests = deployment.Requests,
            ReadOnlyRootFilesystem = deployment.ReadOnlyRootFilesystem,
            CreatedAt = definition.CreatedAt,
        };
    }
}
