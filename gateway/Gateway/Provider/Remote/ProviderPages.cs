using System.Net;
using System.Text;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;

namespace Connectors.Gateway.Provider.Remote;

/// <summary>Answers of the provider that the gateway reads whole, because it adds something to them.</summary>
internal sealed class ProviderPages(GatewayOptions options, GatewayCredentials credentials, TimeProvider time) : IDisposable
{
    private readonly HttpMessageInvoker _http = new(HttpConnections.Create());
    private readonly string _provider = options.ProviderUrl!.AbsoluteUri.TrimEnd('/');

    /// <summary>Null means that the provider is away and that the caller has been told.</summary>
    public async Task<Page?> GetAsync(HttpContext caller, string path)
    {
        using var limit = new TimeLimit(options.UpstreamTimeout, time, caller.RequestAborted);
        using var request = new HttpRequestMessage(HttpMethod.Get, _provider + path);
        request.Headers.Authorization = credentials.Header;
        try
        {
            using var answer = await _http.SendAsync(request, limit.Token);
            return new Page(answer.StatusCode, Encoding.UTF8.GetString(await answer.Content.ReadAsByteArrayAsync(limit.Token)));
        }
        catch (Exception fault) when (fault is HttpRequestException or IOException or OperationCanceledException)
        {
            await Answer.TextAsync(caller, StatusCodes.Status502BadGateway, "The provider cannot be reached.");
            return null;
        }
    }

    public void Dispose() => _http.Dispose();
}

/// <summary>A status and its text.</summary>
internal sealed record Page(HttpStatusCode Status, string Text);
