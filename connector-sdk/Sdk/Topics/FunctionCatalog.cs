using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Serialization;
using Connectors.Sdk.Invocation;
using Connectors.Sdk.Hosting;

namespace Connectors.Sdk.Topics;

/// <summary>The functions that a gateway lists in all its namespaces (openfaas-spec 1.8, 4.1).</summary>
public sealed class FunctionCatalog : IDisposable
{
    private readonly HttpClient _http;
    private readonly ConnectorOptions _options;
    private readonly GatewayCredentials _credentials;

    /// <summary>Creates a catalog.</summary>
    /// <param name="options">Says where the gateway is, and whether it wants basic auth.</param>
    /// <param name="credentials">Read anew for each request, so that a rotated password takes effect.</param>
    public FunctionCatalog(ConnectorOptions options, GatewayCredentials credentials)
    {
        (_options, _credentials) = (options, credentials);
        var root = options.GatewayUrl.AbsoluteUri;
        _http = new HttpClient(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false, PooledConnectionLifetime = TimeSpan.FromMinutes(2) })
        {
            BaseAddress = new Uri(root.EndsWith('/') ? root : root + "/"),
            Timeout = Timeout.InfiniteTimeSpan,
        };
    }

    /// <summary>Lists all functions. Throws <see cref="HttpRequestException"/> or <see cref="System.Text.Json.JsonException"/> if any part of the list cannot be had.</summary>
    public async Task<IReadOnlyList<Function>> ListAsync(CancellationToken ct)
    {
        var functions = new List<Function>();
        foreach (var ns in await NamespacesAsync(ct))
        {
            var query = ns.Length == 0 ? "" : "?namespace=" + Uri.EscapeDataString(ns);
            using var response = await GetAsync("system/functions" + query, ct);
            await foreach (var listed in response.Content.ReadFromJsonAsAsyncEnumerable(CatalogJson.Default.FunctionJson, ct))
            {
                if (listed is { Name.Length: > 0 })
                {
                    functions.Add(new Function(new FunctionName(listed.Name, listed.Namespace ?? ns), Known(listed.Annotations)));
                }
            }
        }

        return functions;
    }

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    // An annotation that is null is one without a value, as Go reads it.
    private static Dictionary<string, string> Known(Dictionary<string, string?>? annotations) =>
        (annotations ?? []).ToDictionary(a => a.Key, a => a.Value ?? "");

    // A provider without namespaces has one, with no name.
    private async Task<IReadOnlyList<string>> NamespacesAsync(CancellationToken ct)
    {
        using var response = await GetAsync("system/namespaces", ct, HttpStatusCode.NotFound, HttpStatusCode.MethodNotAllowed, HttpStatusCode.NotImplemented);
        var names = response.IsSuccessStatusCode ? await response.Content.ReadFromJsonAsync(CatalogJson.Default.StringArray, ct) : null;
        return names is { Length: > 0 } ? names : [""];
    }

    private async Task<HttpResponseMessage> GetAsync(string path, CancellationToken ct, params HttpStatusCode[] tolerated)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Authorization = _options.BasicAuth ? _credentials.Header : null;
        var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, ct);
        if (response.StatusCode == HttpStatusCode.OK || tolerated.Contains(response.StatusCode))
        {
            return response;
        }

        response.Dispose();
        var hint = response.StatusCode == HttpStatusCode.Unauthorized && request.Headers.Authorization is null ? "; no credentials were sent" : "";
        throw new HttpRequestException($"{request.RequestUri} answered {(int)response.StatusCode}{hint}", null, response.StatusCode);
    }
}

internal sealed record FunctionJson(string? Name, string? Namespace, Dictionary<string, string?>? Annotations);

[JsonSerializable(typeof(FunctionJson))]
[JsonSerializable(typeof(string[]))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
internal sealed partial class CatalogJson : JsonSerializerContext;
