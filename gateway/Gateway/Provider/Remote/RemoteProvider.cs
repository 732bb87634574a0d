using Connectors.Gateway.Forwarding;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.Gateway.Provider.Remote;

/// <summary>Functions behind another server's API.</summary>
internal sealed class RemoteProvider(GatewayOptions options, RemoteCatalog catalog, RemoteSystem system, ScaleFromZero waking, Relay relay) : IProvider
{
    private static readonly Upstream AsSent = new();

    private readonly string _address = options.ProviderUrl!.AbsoluteUri.TrimEnd('/');

    // Whether the functions were redirected when they were listed last.
    private volatile bool _leadsElsewhere;

    /// <summary>The whole path goes on as it came; a provider that cannot be reached, or not in time, or whose address leads elsewhere, is 502.</summary>
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

        var outcome = await relay.ForwardAsync(caller, _address + path.PathAndQuery, _leadsElsewhere ? Elsewhere(caller) : AsSent, ct);
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

    public async Task<IReadOnlyList<FunctionStatus>> ListAsync(CancellationToken ct)
    {
        try
        {
            var functions = await catalog.RefreshAsync(ct);
            _leadsElsewhere = false;
            return functions;
        }
        catch (HttpRequestException fault) when (IsRedirect((int?)fault.StatusCode))
        {
            _leadsElsewhere = true;
            throw;
        }
    }

    public void MapSystem(IEndpointRouteBuilder routes) => system.Map(routes);

    // Who redirects lists is no provider, but a proxy before one, that wants https or a login: what it redirects no function has answered. Other redirects are
    // functions'.
    private static Upstream Elsewhere(HttpContext caller) => new(ErrorsOf: status =>
    {
        if (!IsRedirect(status))
        {
            return null;
        }

        caller.Response.Headers[WellKnownHeaders.Internal] = "gateway";
        return (StatusCodes.Status502BadGateway, $"The provider's address leads elsewhere: it answers {status}, to the gateway's own requests too.");
    });

    private static bool IsRedirect(int? status) => status is 301 or 302 or 303 or 307 or 308;

    // The function has not answered: a queue-worker sends the call again, and its breaker counts it. A 500 says so by the name that providers give themselves when
    // they find no connection.
    private static Task NotReachedAsync(HttpContext caller, int status, string source, string text)
    {
        caller.Response.Headers[WellKnownHeaders.Internal] = source;
        return Answer.TextAsync(caller, status, text);
    }
}
