using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Yarp.ReverseProxy.Forwarder;

namespace Connectors.Benchmarks.Baselines;

/// <summary>Relays that do nothing but relay, over the handler that .NET has for it.</summary>
internal static class Relays
{
    /// <summary>YARP's forwarder as its documentation sets it up.</summary>
    internal static IAsyncDisposable MapYarp(WebApplication app, string target)
    {
        var client = Client();
        var forwarder = app.Services.GetRequiredService<IHttpForwarder>();
        app.Map("/{**path}", RelayAsync);
        return new Owner(client);

        Task RelayAsync(HttpContext http) => forwarder.SendAsync(http, target, client, ForwarderRequestConfig.Empty, HttpTransformer.Default).AsTask();
    }

    /// <summary>Copies headers and bodies, with no care for anything else.</summary>
    internal static IAsyncDisposable MapHandler(WebApplication app, string target)
    {
        var client = Client();
        app.Run(http => RelayAsync(http, client, target.TrimEnd('/')));
        return new Owner(client);
    }

    private static async Task RelayAsync(HttpContext http, HttpMessageInvoker client, string target)
    {
        using var request = new HttpRequestMessage(HttpMethod.Parse(http.Request.Method), target + http.Request.Path + http.Request.QueryString)
        {
            Content = new StreamContent(http.Request.Body),
        };
        foreach (var (name, values) in http.Request.Headers)
        {
            if (name is not "Host" && !request.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values))
            {
                request.Content.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values);
            }
        }

        using var answer = await client.SendAsync(request, http.RequestAborted);
        http.Response.StatusCode = (int)answer.StatusCode;
        foreach (var (name, values) in answer.Headers.Concat(answer.Content.Headers))
        {
            http.Response.Headers[name] = values.ToArray();
        }

        await answer.Content.CopyToAsync(http.Response.Body, http.RequestAborted);
    }

    private static HttpMessageInvoker Client() => new(new SocketsHttpHandler
    {
        UseProxy = false,
        AllowAutoRedirect = false,
        AutomaticDecompression = DecompressionMethods.None,
        UseCookies = false,
        EnableMultipleHttp2Connections = true,
        ActivityHeadersPropagator = null,
        ConnectTimeout = TimeSpan.FromSeconds(15),
    });

    private sealed class Owner(IDisposable owned) : IAsyncDisposable
    {
        public ValueTask DisposeAsync()
        {
            owned.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
