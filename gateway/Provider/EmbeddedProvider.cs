using Connectors.Provider.Api;
using Connectors.Provider.Contracts;
using Connectors.Provider.Deploying;
using Connectors.Provider.Running;
using Connectors.Sdk.Invocation;

namespace Connectors.Provider;

/// <summary>Functions that this process runs itself; called without a network in between.</summary>
internal sealed class EmbeddedProvider(Functions functions, EmbeddedRoutes routes) : IProvider
{
    public async Task InvokeAsync(HttpContext caller, FunctionPath path, CancellationToken ct)
    {
        DeployedFunction? asked = null;
        while (await FindAwakeAsync(path.Function, ct) is { } function)
        {
            if (function == asked)
            {
                await InternalError.NoEndpointsAsync(caller, path.Function);
                return;
            }

            if (await function.AnswerAsync(caller, path, ct))
            {
                return;
            }

            // Replaced or put to sleep between the look at it and the call: once more, unless it is still the same.
            asked = functions.Find(path.Function) is { Definition.Replicas: > 0 } still && still == function ? function : null;
        }

        await Answer.TextAsync(caller, StatusCodes.Status404NotFound, $"error finding function {path.Function}: not deployed");
    }

    public Task<Lookup> FindAsync(FunctionName function, CancellationToken ct) =>
        Task.FromResult(functions.Find(function) is { } found ? Lookup.Found(found.Status()) : Lookup.Missing);

    public bool Knows(FunctionName function) => functions.Find(function) is not null;

    public Task<IReadOnlyList<FunctionStatus>> ListAsync(CancellationToken ct) =>
        Task.FromResult<IReadOnlyList<FunctionStatus>>([.. functions.All.Select(f => f.Status())]);

    public void MapSystem(IEndpointRouteBuilder builder) => routes.Map(builder);

    private ValueTask<DeployedFunction?> FindAwakeAsync(FunctionName function, CancellationToken ct) =>
        functions.Find(function) is { Definition.Replicas: 0 } ? new(functions.WakeAsync(function, ct)) : new(functions.Find(function));
}
