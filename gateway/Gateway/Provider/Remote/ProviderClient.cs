using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
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
            return await GetAsync($"system/function/{function.Name}?namespace={function.Namespace}&usage=false", ReadFunction, ct);
        }
        catch (HttpRequestException fault) when (fault.StatusCode is HttpStatusCode.BadRequest or HttpStatusCode.UnprocessableEntity)
        {
            return null;
        }
    }

    public async Task<ProviderList<FunctionStatus>> ListAsync(string ns, CancellationToken ct) =>
        await GetAsync($"system/functions?namespace={Uri.EscapeDataString(ns)}", ReadFunctions, ct) ?? new ProviderList<FunctionStatus>([], []);

    /// <summary>A provider without namespaces has the default one: it names none, or does not know the path.</summary>
    public async Task<ProviderList<string>> ListNamespacesAsync(CancellationToken ct)
    {
        var alone = new ProviderList<string>([defaultNamespace], []);
        try
        {
            return await GetAsync("system/namespaces", ReadNamespaces, ct) is not { } names ? alone : names.Items.Count > 0 ? names : names with { Items = alone.Items };
        }
        catch (HttpRequestException fault) when (fault.StatusCode is HttpStatusCode.MethodNotAllowed or HttpStatusCode.NotImplemented)
        {
            return alone;
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

    private static FunctionStatus? ReadFunction(JsonElement answer)
    {
        if (answer.ValueKind == JsonValueKind.Null)
        {
            return null;
        }

        var read = ListedFunction.Read(answer, out _);
        return read.Status ?? throw new JsonException(read.Oddity);
    }

    private static ProviderList<FunctionStatus> ReadFunctions(JsonElement answer)
    {
        var all = Entries(answer).Select(entry => ListedFunction.Read(entry, out _)).ToList();
        return new ProviderList<FunctionStatus>([.. all.Select(one => one.Status).OfType<FunctionStatus>()], [.. all.Select(one => one.Oddity).OfType<string>()]);
    }

    private static ProviderList<string> ReadNamespaces(JsonElement answer)
    {
        var all = Entries(answer).Select(OddJson.Text).ToList();
        return new ProviderList<string>([.. all.OfType<string>()], all.Contains(null) ? ["a namespace that is no text"] : []);
    }

    private static IEnumerable<JsonElement> Entries(JsonElement answer) => OddJson.Entries(answer) ?? throw new JsonException("it is no list");

    // Null for 404. JSON is UTF-8, whatever a Content-Type calls it.
    private async Task<T?> GetAsync<T>(string path, Func<JsonElement, T?> read, CancellationToken ct)
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
            using var document = await JsonDocument.ParseAsync(await answer.Content.ReadAsStreamAsync(ct), OddJson.Options, ct);
            return read(document.RootElement);
        }
        catch (JsonException fault)
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

/// <summary>A list of a provider's, entry by entry.</summary>
/// <param name="Items">What could be read.</param>
/// <param name="Oddities">What is passed over, in words.</param>
internal sealed record ProviderList<T>(IReadOnlyList<T> Items, IReadOnlyList<string> Oddities);
