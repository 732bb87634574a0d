using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;

namespace Connectors.Sdk.Topics;

/// <summary>The functions that a gateway lists in all its namespaces.</summary>
public sealed class FunctionCatalog : IDisposable
{
    // Namespaces that are asked for at once.
    private const int AtOnce = 8;

    private static readonly HttpStatusCode[] WithoutPath = [HttpStatusCode.NotFound, HttpStatusCode.MethodNotAllowed, HttpStatusCode.NotImplemented];

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
        _http = new HttpClient(HttpConnections.Pool())
        {
            BaseAddress = new Uri(root.EndsWith('/') ? root : root + "/"),
            Timeout = Timeout.InfiniteTimeSpan,
        };
    }

    /// <summary>Lists all functions of the namespaces that are wanted. Throws <see cref="HttpRequestException"/> or <see cref="JsonException"/> if any part of the list cannot be had.</summary>
    public async Task<FunctionList> ListAsync(CancellationToken ct)
    {
        var (namespaces, leftOut) = _options.Namespaces.Count > 0 ? (_options.Namespaces, 0) : await NamespacesAsync(ct);
        var lists = new FunctionList[namespaces.Count];
        await Parallel.ForEachAsync(
            Enumerable.Range(0, namespaces.Count),
            new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = ct },
            async (i, stop) => lists[i] = await ListAsync(namespaces[i], stop));
        return new FunctionList([.. lists.SelectMany(list => list.Functions)], leftOut + lists.Sum(list => list.LeftOut));
    }

    /// <summary>
    /// Whether the gateway still has a function: what a 404 of a call does not say, for functions answer 404 too. One that cannot be asked has none.
    /// </summary>
    internal async Task<bool> HasAsync(FunctionName function, CancellationToken ct)
    {
        try
        {
            var query = function.Namespace.Length == 0 ? "" : "?namespace=" + Uri.EscapeDataString(function.Namespace);
            using var response = await GetAsync($"system/function/{Uri.EscapeDataString(function.Name)}{query}", ct, WithoutPath);

            // A gateway that does not know the path answers like one that does not know the function.
            return response.IsSuccessStatusCode || (await ListAsync(ct)).Functions.Any(f => f.Name == function);
        }
        catch (Exception fault) when (fault is HttpRequestException or IOException or JsonException)
        {
            return false;
        }
    }

    private async Task<FunctionList> ListAsync(string ns, CancellationToken ct)
    {
        var (functions, leftOut) = (new List<Function>(), 0);
        var query = ns.Length == 0 ? "" : "?namespace=" + Uri.EscapeDataString(ns);
        using var response = await GetAsync("system/functions" + query, ct);

        // JSON is UTF-8, whatever a Content-Type calls it.
        await foreach (var listed in JsonSerializer.DeserializeAsyncEnumerable(await response.Content.ReadAsStreamAsync(ct), CatalogJson.Default.JsonElement, ct))
        {
            if (Read(listed, ns) is { } function)
            {
                // A provider with one namespace may list its functions whichever it is asked for.
                functions.AddRange(IsWanted(function) ? [function] : []);
            }
            else
            {
                leftOut++;
            }
        }

        return new FunctionList(functions, leftOut);
    }

    private bool IsWanted(Function function) => _options.Namespaces.Count == 0 || _options.Namespaces.Contains(function.Name.Namespace);

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    // A provider without namespaces, or with none whose name is a text, has one, with no name.
    private async Task<(IReadOnlyList<string> Names, int LeftOut)> NamespacesAsync(CancellationToken ct)
    {
        var (names, leftOut) = (new List<string>(), 0);
        using var response = await GetAsync("system/namespaces", ct, WithoutPath);
        if (response.IsSuccessStatusCode)
        {
            await foreach (var listed in JsonSerializer.DeserializeAsyncEnumerable(await response.Content.ReadAsStreamAsync(ct), CatalogJson.Default.JsonElement, ct))
            {
                if (Namespace(listed) is { } name)
                {
                    names.Add(name);
                }
                else
                {
                    leftOut++;
                }
            }
        }

        return (names.Count > 0 ? names : [""], leftOut);
    }

    private static string? Namespace(JsonElement listed)
    {
        try
        {
            return listed.ValueKind == JsonValueKind.String ? listed.GetString() : null;
        }
        catch (InvalidOperationException)
        {
            // Half a character.
            return null;
        }
    }

    // One odd function is left out, and so is an annotation that is no text: neither keeps the others from being known.
    private static Function? Read(JsonElement listed, string ns)
    {
        try
        {
            if (listed.ValueKind != JsonValueKind.Object || Text(listed, "name") is not { } name)
            {
                return null;
            }

            var function = new FunctionName(name, Text(listed, "namespace") is { Length: > 0 } own ? own : ns);
            return (function with { Namespace = function.Namespace.Length == 0 ? "none" : function.Namespace }).IsValid ? new Function(function, Annotations(listed)) : null;
        }
        catch (InvalidOperationException)
        {
            // A name with half a character, be it of a key: \ud83d alone, or bytes that are no UTF-8.
            return null;
        }
    }

    // One that is null has no value, as Go reads it; of two of one name the last counts.
    private static Dictionary<string, string> Annotations(JsonElement listed)
    {
        var annotations = new Dictionary<string, string>();
        if (listed.TryGetProperty("annotations", out var given) && given.ValueKind == JsonValueKind.Object)
        {
            foreach (var annotation in given.EnumerateObject().Where(a => a.Value.ValueKind is JsonValueKind.String or JsonValueKind.Null))
            {
                Add(annotations, annotation);
            }
        }

        return annotations;
    }

    private static void Add(Dictionary<string, string> annotations, JsonProperty annotation)
    {
        try
        {
            annotations[annotation.Name] = annotation.Value.GetString() ?? "";
        }
        catch (InvalidOperationException)
        {
            // Half a character.
        }
    }

    private static string? Text(JsonElement of, string property) =>
        of.TryGetProperty(property, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

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
        throw new HttpRequestException($"GET {path} answered {(int)response.StatusCode}{hint}", null, response.StatusCode);
    }
}

/// <summary>What a gateway lists.</summary>
/// <param name="Functions">The functions.</param>
/// <param name="LeftOut">How many entries were no function that could be called, or no namespace.</param>
public sealed record FunctionList(IReadOnlyList<Function> Functions, int LeftOut);

[JsonSerializable(typeof(JsonElement))]
internal sealed partial class CatalogJson : JsonSerializerContext;
