using Connectors.Provider.Contracts;

namespace Connectors.Provider.Api;

/// <summary>Every route of the embedded provider.</summary>
internal sealed class EmbeddedRoutes(DeployApi deploy, SecretApi secrets, NamespaceApi namespaces, LogApi logs)
{
    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapMethods("/healthz", ["GET", "HEAD"], (RequestDelegate)(http => Answer.TextAsync(http, StatusCodes.Status200OK, "OK")));

        routes.MapGet("/system/functions", (RequestDelegate)deploy.ListAsync);
        routes.MapPost("/system/functions", (RequestDelegate)deploy.CreateAsync);
        routes.MapPut("/system/functions", (RequestDelegate)deploy.UpdateAsync);
        routes.MapDelete("/system/functions", (RequestDelegate)deploy.DeleteAsync);
        routes.MapGet("/system/function/{name}", (RequestDelegate)deploy.DescribeAsync);
        routes.Map("/system/scale-function/{name}", (RequestDelegate)deploy.ScaleAsync);

        routes.MapGet("/system/secrets", (RequestDelegate)secrets.ListAsync);
        routes.MapPost("/system/secrets", (RequestDelegate)secrets.CreateAsync);
        routes.MapPut("/system/secrets", (RequestDelegate)secrets.UpdateAsync);
        routes.MapDelete("/system/secrets", (RequestDelegate)secrets.DeleteAsync);

        routes.MapGet("/system/namespaces", (RequestDelegate)namespaces.ListAsync);
        routes.MapPost("/system/namespace/{name?}", (RequestDelegate)namespaces.CreateAsync);
        routes.MapGet("/system/namespace/{name}", (RequestDelegate)namespaces.DescribeAsync);
        routes.MapPut("/system/namespace/{name}", (RequestDelegate)namespaces.UpdateAsync);
        routes.MapDelete("/system/namespace/{name}", (RequestDelegate)namespaces.DeleteAsync);

        routes.MapGet("/system/logs", (RequestDelegate)logs.ReadAsync);
        routes.MapGet("/system/info", (RequestDelegate)(http => GatewayInfo.AnswerAsync(http, GatewayInfo.Embedded)));
    }
}
