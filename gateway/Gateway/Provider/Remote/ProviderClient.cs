using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.Gateway.Provider.Remote;

/// <summary>The gateway's own requests to a remote provider, with the gateway's credentials.</summary>
internal sealed class ProviderClient(Uri provider, GatewayCredentials credentials, string defaultNamespace) : IDisposable
{
    private readonly HttpMessageInvoker _http = new(HttpConnections.Create());

    /// <summary>Null for a function that the provider says it does not have: with 404, or by refusing the request, as one that serves a single namespace does.</summary>
    public async Task<FunctionStatus?> FindAsync(FunctionName function, CancellationToken ct)
    {
        try
        {
            return await GetAsync($"system/function/{function.Name}?namespace={function.Namespace}&usage=false", ProviderJson.Default.FunctionStatus, ct);
        }
        catch (HttpRequestException fault) when (fault.StatusCode is HttpStatusCode.BadRequest or HttpStatusCode.UnprocessableEntity)
        {
            return null;
        }
    }

    public async Task<IReadOnlyList<FunctionStatus>> ListAsync(string ns, CancellationToken ct) =>
        await GetAsync($"system/functions?namespace={Uri.EscapeDataString(ns)}", ProviderJson.Default.ListFunctionStatus, ct) ?? [];

    /// <summary>A provider without namespaces has the default one: it names none, or does not know the path.</summary>
    public async Task<IReadOnlyList<string>> ListNamespacesAsync(CancellationToken ct)
    {
        try
        {
            return await GetAsync("system/namespaces", ProviderJson.Default.ListString, ct) is { Count: > 0 } names ? names : [defaultNamespace];
        }
        catch (HttpRequestException fault) when (fault.StatusCode is HttpStatusCode.MethodNotAllowed or HttpStatusCode.NotImplemented)
        {
            return [defaultNamespace];
        }
    }

    /// <summary>Asks for a number of replicas; any answer but 200 and 202 throws.</summary>
    public async Task ScaleAsync(FunctionName function, ulong replicas, CancellationToken ct)
    {
        using var request = Request(HttpMethod.Post, $"system/scale-function/{function.Name}?namespace={function.Namespace}");
        request.Content = JsonContent.Create(
            new ScaleRequest { ServiceName = function.Name, Replicas = replicas, Namespace = function.Namespace }, ProviderJson.Default.ScaleRequest);
        using var answer = await _http.SendAsync(request, ct);
        if (answer.StatusCode is not (HttpStatusCode.OK or HttpStatusCode.Accepted))
        {
            throw Refused(request, answer.StatusCode);
        }
    }

    public void Dispose() => _http.Dispose();

    private async Task<T?> GetAsync<T>(string path, JsonTypeInfo<T> type, CancellationToken ct)
        where T : class
    {
        using var request = Request(HttpMethod.Get, path);
        using var answer = await _http.SendAsync(request, ct);
        if (answer.StatusCode == HttpStatusCode.NotFound)
        {
            return null;
        }

        if (answer.StatusCode != HttpStatusCode.OK)
        {
            throw Refused(request, answer.StatusCode);
        }

        try
        {
            return await answer.Content.ReadFromJsonAsync(type, ct);
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException)
        {
            throw new HttpRequestException($"{request.RequestUri!.AbsolutePath} answered something else than the JSON expected: {fault.Message}", fault);
        }
        catch (IOException fault)
        {
            throw new HttpRequestException($"{request.RequestUri!.AbsolutePath} ended in the middle of its answer: {fault.Message}", fault);
        }
    }

    private HttpRequestMessage Request(HttpMethod method, string path)
    {
        var request = new HttpRequestMessage(method, new Uri(provider, path));
        request.Headers.Authorization = credentials.Header;
        request.Headers.TryAddWithoutValidation("User-Agent", $"gateway/{CommandLine.Version}");
        return request;
    }

    private static HttpRequestException Refused(HttpRequestMessage request, HttpStatusCode status) =>
        new($"{request.RequestUri!.AbsolutePath} answered {(int)status}", null, status);
}
