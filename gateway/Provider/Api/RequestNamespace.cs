namespace Connectors.Provider.Api;

/// <summary>Which namespace a request means: clients put it into the query or the body, as it comes.</summary>
internal static class RequestNamespace
{
    public static string Of(HttpContext http, ProviderOptions options, string? inBody = null)
    {
        var inQuery = http.Request.Query["namespace"].ToString();
        return inQuery.Length > 0 ? inQuery : string.IsNullOrEmpty(inBody) ? options.DefaultNamespace : inBody;
    }
}
