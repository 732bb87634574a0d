using Connectors.Provider.Api;
using Connectors.Provider.Contracts;
using Connectors.Provider.Deploying;
using Connectors.Sdk.Invocation;

namespace Connectors.Provider;

/// <summary>Functions that this process runs itself; called without a network in between.</summary>
internal sealed class EmbeddedProvider(Functions functions, EmbeddedRoutes routes) : IProvider
{
    public async Task InvokeAsync(HttpContext caller, FunctionPath path, CancellationToken ct)
    {
        if (functions.Find(path.Function) is not { } function)
        {
            await Answer.TextAsync(caller, StatusCodes.Status404NotFound, $"error finding function {path.Function}: not deployed");
            return;
        }

        if (function.Definition.Replicas == 0)
        {
            await functions.WakeAsync(function);
        }

        await function.AnswerAsync(caller, path, ct);
    }

    public Task<Lookup> FindAsync(FunctionName function, CancellationToken ct) =>
        Task.FromResult(functions.Find(function) is { } found ? Lookup.Found(found.Status()) : Lookup.Missing);

    public bool Knows(FunctionName function) => functions.Find(function) is not null;

    public Task<IReadOnlyList<FunctionStatus>> ListAsync(CancellationToken ct) =>
        Task.FromResult<IReadOnlyList<FunctionStatus>>([.. functions.All.Select(f => f.Status())]);

    public void MapSystem(IEndpointRouteBuilder builder) => routes.Map(builder);
}
