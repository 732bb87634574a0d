using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Connectors.Testing;

/// <summary>A server on loopback that speaks nothing but TLS, and notes what comes to it.</summary>
public sealed class HttpsServer : IAsyncDisposable
{
    private readonly ConcurrentQueue<(string Path, string Connection)> _requests = new();
    private readonly X509Certificate2 _certificate;
    private readonly WebApplication _app;

    private HttpsServer(X509Certificate2 certificate, Func<HttpContext, Task> answer)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseHttps(certificate)));
        (_certificate, _app) = (certificate, builder.Build());
        _app.Run(http =>
        {
            _requests.Enqueue((http.Request.Path, http.Connection.Id));
            return answer(http);
        });
    }

    /// <summary>Its address, with a slash at its end.</summary>
    public Uri Url => new(_app.Urls.Single());

    /// <summary>Path and connection of every request, in order of arrival.</summary>
    public IReadOnlyCollection<(string Path, string Connection)> Requests => _requests;

    /// <summary>Starts one with the server's certificate of those.</summary>
    public static Task<HttpsServer> StartAsync(TestCertificates certificates, Func<HttpContext, Task> answer) =>
        StartAsync(X509Certificate2.CreateFromPemFile(certificates.Certificate("server"), certificates.Key("server")), answer);

    /// <summary>Starts one with a certificate, which it disposes of.</summary>
    public static async Task<HttpsServer> StartAsync(X509Certificate2 certificate, Func<HttpContext, Task> answer)
    {
        var server = new HttpsServer(certificate, answer);
        await server._app.StartAsync();
        return server;
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _certificate.Dispose();
    }
}
