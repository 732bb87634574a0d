namespace Connectors.Gateway.Endpoints;

/// <summary>The open routes: functions, at once and through a queue.</summary>
internal static class FunctionRoutes
{
    public const string Sync = "/function/";
    public const string Async = "/async-function/";

    public static void Map(IEndpointRouteBuilder routes)
    {
        var invoke = routes.ServiceProvider.GetRequiredService<InvokeEndpoint>();
        var enqueue = routes.ServiceProvider.GetRequiredService<EnqueueEndpoint>();
        routes.Map(Sync + "{name}/{**rest}", invoke.HandleAsync);
        var call = routes.ServiceProvider.GetRequiredService<CallEndpoint>();
        routes.MapDelete(Async + "{name}", call.CancelAsync);
        routes.MapGet(Async + "{name}", call.ResultAsync);
        routes.Map(Async + "{name}/{**rest}", http => enqueue.HandleAsync(http, Async));
    }
}
