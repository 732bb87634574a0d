namespace Connectors.Gateway.Provider.Embedded.Api;

/// <summary>Which namespace a request means: clients put it into the query or the body, as it comes (openfaas-spec 1.11, 1.14).</summary>
internal static class RequestNamespace
{
    public static string Of(HttpContext http, GatewayOptions options, string? inBody = null)
    {
        var inQuery = http.Request.Query["namespace"].ToString();
        return inQuery.Length > 0 ? inQuery : string.IsNullOrEmpty(inBody) ? options.DefaultNamespace : inBody;
    }
}
