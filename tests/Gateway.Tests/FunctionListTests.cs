using System.Net;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;

namespace Connectors.Gateway.Tests;

/// <summary>Lists of functions that a remote provider answers slowly or oddly.</summary>
public sealed class FunctionListTests
{
    [Fact]
    public async Task A_provider_that_takes_the_question_and_never_answers_is_502()
    {
        await using var provider = RawServer.Start(request => Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, request.Stopping));
        await using var gateway = await TestGateway.StartUnreadyAsync(("functions_provider_url", provider.Url.AbsoluteUri), ("upstream_timeout", "1s"));

        var text = await gateway.SystemAsync(HttpMethod.Get, "overview/functions", expected: HttpStatusCode.BadGateway);

        Assert.Contains("provider", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_list_is_read_whatever_characters_its_content_type_names()
    {
        await using var provider = await HttpLedger.StartAsync((_, http) =>
        {
            http.Response.ContentType = "application/json; charset=none-such";
            return http.Response.WriteAsync("[{\"name\":\"there\"}]");
        });
        await using var gateway = await TestGateway.StartUnreadyAsync(("functions_provider_url", provider.Url.AbsoluteUri));

        Assert.Contains("\"name\":\"there\"", await gateway.SystemAsync(HttpMethod.Get, "functions"), StringComparison.Ordinal);
    }
}
