using System.Net;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;

namespace Connectors.Gateway.Tests;

/// <summary>A remote provider behind something that redirects what comes to its address, such as an ingress that wants https.</summary>
public sealed class RedirectedProviderTests
{
    // Passed on, a redirect below 400 would be the success of a function that has not run.
    [Fact]
    public async Task What_redirects_the_gateways_own_requests_too_answers_for_no_function()
    {
        var isElsewhere = true;
        await using var provider = await HttpLedger.StartAsync((request, http) =>
        {
            var isFunction = request.Path.StartsWith("/function/", StringComparison.Ordinal);
            if (Volatile.Read(ref isElsewhere) || isFunction)
            {
                http.Response.StatusCode = StatusCodes.Status308PermanentRedirect;
                http.Response.Headers.Location = $"https://elsewhere.example.com{request.Path}";
                return Task.CompletedTask;
            }

            return http.Response.WriteAsync("[]");
        });
        await using var gateway = await TestGateway.StartUnreadyAsync(("functions_provider_url", provider.Url.AbsoluteUri));
        await gateway.Process.Process.LineAsync(
            line => line.Contains("Functions could not be listed", StringComparison.Ordinal) && line.Contains("308", StringComparison.Ordinal), "it is told");

        using (var away = await gateway.PostAsync("/function/work", "hi"))
        {
            Assert.Equal((HttpStatusCode.BadGateway, "gateway"), (away.StatusCode, away.Headers.GetValues("X-OpenFaaS-Internal").Single()));
            Assert.Contains("leads elsewhere", await away.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }

        // Of a provider that answers for itself a redirect is its function's.
        Volatile.Write(ref isElsewhere, false);
        await gateway.Process.Process.LineAsync(line => line.Contains("Functions are listed again", StringComparison.Ordinal), "it is mended");
        using var moved = await gateway.PostAsync("/function/work", "hi");
        Assert.Equal(HttpStatusCode.PermanentRedirect, moved.StatusCode);
        Assert.Equal("https://elsewhere.example.com/function/work", moved.Headers.Location?.OriginalString);
    }
}
