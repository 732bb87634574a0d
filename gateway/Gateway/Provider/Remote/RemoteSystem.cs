using Connectors.Gateway.Forwarding;
using Connectors.Sdk.Hosting;

namespace Connectors.Gateway.Provider.Remote;

/// <summary>
/// The routes below <c>/system/</c> that a remote provider answers. The gateway puts its own credentials in place of the caller's, who had to have them; where anybody may
/// ask, the caller's go on, and none of the gateway's.
/// </summary>
internal sealed class RemoteSystem(GatewayOptions options, GatewayCredentials credentials, RemoteCounts counts, RemoteInfo info, Relay relay, StreamEnd streamEnd, TimeProvider time)
{
    private static readonly (string Verb, string Route)[] PassedOn =
    [
        ("POST", "/system/functions"), ("PUT", "/system/functions"), ("DELETE", "/system/functions"),
        ("GET", "/system/function/{name}"), ("POST", "/system/scale-function/{name}"),
        ("GET", "/system/namespaces"), ("POST", "/system/namespace"), ("GET", "/system/namespace/{name}"), ("POST", "/system/namespace/{name}"),
        ("PUT", "/system/namespace/{name}"), ("DELETE", "/system/namespace/{name}"),
        ("GET", "/system/secrets"), ("POST", "/system/secrets"), ("PUT", "/system/secrets"), ("DELETE", "/system/secrets"),
        ("GET", "/healthz"), ("HEAD", "/healthz"),
    ];

    private readonly string _provider = options.ProviderUrl!.AbsoluteUri.TrimEnd('/');
    private readonly string _logs = options.LogsProviderUrl!.AbsoluteUri.TrimEnd('/');

    public void Map(IEndpointRouteBuilder routes)
    {
        foreach (var (verb, route) in PassedOn)
        {
            routes.MapMethods(route, [verb], PassOnAsync);
        }

        routes.MapGet("/system/functions", (RequestDelegate)counts.AnswerAsync);
        routes.MapGet("/system/info", (RequestDelegate)info.AnswerAsync);
        routes.MapGet("/system/telemetry", (RequestDelegate)PassOnAsCallerAsync);
        routes.MapGet("/system/logs", (RequestDelegate)FollowLogsAsync);
    }

    private Task PassOnAsync(HttpContext caller) =>
        PassOnAsync(caller, _provider, new Upstream(Authorization: options.BasicAuth ? credentials.Header?.ToString() : null), options.UpstreamTimeout);

    private Task PassOnAsCallerAsync(HttpContext caller) => PassOnAsync(caller, _provider, new Upstream(), options.UpstreamTimeout);

    private async Task PassOnAsync(HttpContext caller, string server, Upstream upstream, TimeSpan limit)
    {
        var outcome = await ForwardAsync(caller, server, upstream, limit);
        if (outcome.Kind is ForwardKind.Unreachable or ForwardKind.TimedOut)
        {
            await Answer.TextAsync(
                caller, StatusCodes.Status502BadGateway, outcome.Kind == ForwardKind.TimedOut ? "The provider did not answer in time." : "The provider cannot be reached.");
        }
    }

    // The provider of logs knows its own users: the caller's credentials go on.
    private async Task FollowLogsAsync(HttpContext caller)
    {
        Answer.AsItComes(caller);
        var follows = caller.Request.Query["follow"].LastOrDefault()?.ToLowerInvariant() is "true" or "1" or "t";
        var outcome = await ForwardAsync(
            caller, _logs, new Upstream(ErrorsOf: LogErrors, MayEndEarly: follows), options.WriteTimeout, follows ? streamEnd.Token : CancellationToken.None);
        if (outcome.Kind is ForwardKind.Unreachable or ForwardKind.TimedOut)
        {
            await Answer.TextAsync(caller, StatusCodes.Status500InternalServerError, "log request failed");
        }
    }

    private async Task<ForwardOutcome> ForwardAsync(HttpContext caller, string server, Upstream upstream, TimeSpan limit, CancellationToken end = default)
    {
        ForwardedHeaders.Apply(caller);
        using var timeLimit = new TimeLimit(limit, time, caller.RequestAborted, end);
        return await relay.ForwardAsync(caller, server + caller.Request.Path.ToUriComponent() + caller.Request.QueryString, upstream, timeLimit.Token);
    }

    private static (int Status, string Text)? LogErrors(int status) => status switch
    {
        200 => null,
        404 or 501 => (StatusCodes.Status501NotImplemented, "the provider has no logs to give"),
        _ => (StatusCodes.Status500InternalServerError, $"unknown log request error ({status})"),
    };
}
