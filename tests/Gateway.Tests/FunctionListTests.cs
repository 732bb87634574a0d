using System.Net;
using Connectors.Testing;

namespace Connectors.Gateway.Tests;

/// <summary>The page's list of functions.</summary>
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
}
