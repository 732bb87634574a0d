using Connectors.Gateway.Forwarding;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.Gateway.Provider.Remote;

/// <summary>Functions behind another server's API.</summary>
internal sealed class RemoteProvider(GatewayOptions options, RemoteCatalog catalog, RemoteSystem system, ScaleFromZero waking, Relay relay) : IProvider
{
    private static readonly Upstream AsSent = new();

    private readonly string _address = options.ProviderUrl!.AbsoluteUri.TrimEnd('/');

    /// <summary>The whole path goes on as it came; a provider that cannot be reached, or not in time, is 502.</summary>
    public async Task InvokeAsync(HttpContext caller, FunctionPath path, CancellationToken ct)
    {
        if (options.ScaleFromZero && await waking.ReadyAsync(path.Function, ct) is { Kind: not WakingKind.Ready } refused)
        {
            var text = $"error finding function {path.Function}: {refused.Error}";
            await (refused.Kind == WakingKind.Missing
                ? Answer.TextAsync(caller, StatusCodes.Status404NotFound, text)
                : NotReachedAsync(caller, StatusCodes.Status500InternalServerError, "proxy", text));
            return;
        }

        var outcome = await relay.ForwardAsync(caller, _address + path.PathAndQuery, AsSent, ct);
        if (outcome.Kind == ForwardKind.Unreachable)
        {
            await NotReachedAsync(caller, StatusCodes.Status502BadGateway, "gateway", $"The provider cannot be reached for {path.Function}.");
        }
        else if (outcome.Kind == ForwardKind.TimedOut)
        {
            throw new OperationCanceledException(ct);
        }
    }

    public Task<Lookup> FindAsync(FunctionName function, CancellationToken ct) => catalog.FindAsync(function, ct);

    public bool Knows(FunctionName function) => catalog.Knows(function);

    public Task<IReadOnlyList<FunctionStatus>> ListAsync(CancellationToken ct) => catalog.RefreshAsync(ct);

    public void MapSystem(IEndpointRouteBuilder routes) => system.Map(routes);

    // The function has not answered: a queue-worker sends the call again, and its breaker counts it. A 500 says so by the name that providers give themselves when
    // they find no connection.
    private static Task NotReachedAsync(HttpContext caller, int status, string source, string text)
    {
        caller.Response.Headers[WellKnownHeaders.Internal] = source;
        return Answer.TextAsync(caller, status, text);
    }
}
