using System.Net;
using System.Security.Cryptography;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;

namespace Connectors.Gateway.Tests;

/// <summary>A remote provider that is reached over TLS.</summary>
public sealed class HttpsProviderTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("provider-tls-");
    private readonly TestCertificates _certificates;

    public HttpsProviderTests() => _certificates = new TestCertificates(_folder.FullName);

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task Calls_go_over_one_connection_to_a_provider_whose_authority_is_named()
    {
        await using var provider = await HttpsServer.StartAsync(_certificates, EchoAsync);
        await using var gateway = await TestGateway.StartUnreadyAsync(("functions_provider_url", provider.Url.AbsoluteUri), ("SSL_CERT_FILE", _certificates.Authority));
        var sent = RandomNumberGenerator.GetBytes(1_000_000);

        for (var i = 0; i < 2; i++)
        {
            using var body = new ByteArrayContent(sent);
            using var answer = await gateway.Http.PostAsync(new Uri(gateway.Api, "/function/echo"), body);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            Assert.Equal(sent, await answer.Content.ReadAsByteArrayAsync());
        }

        var calls = provider.Requests.Where(request => request.Path.StartsWith("/function/", StringComparison.Ordinal)).ToList();
        Assert.Equal(2, calls.Count);
        Assert.Single(calls.Select(call => call.Connection).Distinct());
    }

    // Its certificate is for 127.0.0.1.
    [Theory]
    [InlineData("127.0.0.1", false)]
    [InlineData("localhost", true)]
    public async Task No_call_goes_to_one_that_nobody_vouches_for_or_that_is_another(string host, bool isKnown)
    {
        await using var provider = await HttpsServer.StartAsync(_certificates, EchoAsync);
        (string, string)[] authority = isKnown ? [("SSL_CERT_FILE", _certificates.Authority)] : [];
        await using var gateway = await TestGateway.StartUnreadyAsync([("functions_provider_url", $"https://{host}:{provider.Url.Port}/"), .. authority]);

        using var answer = await gateway.PostAsync("/function/echo", "hi");

        Assert.Equal(HttpStatusCode.BadGateway, answer.StatusCode);
        Assert.Empty(provider.Requests);
    }

    private static async Task EchoAsync(HttpContext http)
    {
        if (http.Request.Path.StartsWithSegments("/system"))
        {
            await http.Response.WriteAsync("[]");
            return;
        }

        await http.Request.Body.CopyToAsync(http.Response.Body);
    }
}
