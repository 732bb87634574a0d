using System.Net;
using Connectors.Client;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;

namespace Connectors.EndToEnd.Tests;

/// <summary>Connectors.Client and answers that are not easily read: pages of proxies, and refusals that come before a large body is sent.</summary>
public sealed class ClientRefusalTests
{
    [Theory]
    [InlineData(401, true)]
    [InlineData(404, true)]
    [InlineData(502, false)]
    public async Task A_page_in_characters_that_nobody_knows_is_an_answer_like_any_other(int status, bool isRefusal)
    {
        await using var proxy = await HttpLedger.StartAsync((_, http) =>
        {
            http.Response.StatusCode = status;
            http.Response.ContentType = "text/html; charset=none-such";
            return http.Response.WriteAsync("<p>Oops</p>");
        });
        using var http = Http(proxy.Url);
        var functions = new FunctionClient(http);

        foreach (var deed in new Func<Task>[] { () => functions.SubmitAsync("work", "x"), () => functions.FindResultAsync("c-1"), () => functions.CancelAsync("c-1") })
        {
            CallException failure = isRefusal ? await Assert.ThrowsAsync<CallRefusedException>(deed) : await Assert.ThrowsAsync<CallNotKnownException>(deed);
            Assert.Contains("<p>Oops</p>", failure.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_large_call_that_is_refused_at_its_head_is_known_to_be_refused()
    {
        await using var gateway = RawServer.Start(async request =>
        {
            await request.SendAsync("HTTP/1.1 413 Payload Too Large\r\nContent-Length: 7\r\nConnection: close\r\n\r\ntoo big");
            request.Close();
        });
        using var http = Http(gateway.Url);

        var refusal = await Assert.ThrowsAsync<CallRefusedException>(() => new FunctionClient(http).SubmitAsync("work", new byte[8_000_000]));

        Assert.Equal((HttpStatusCode.RequestEntityTooLarge, "413: too big"), (refusal.Status, refusal.Message));
        Assert.Single(gateway.Requests);
    }

    [Theory]
    [InlineData(1024 * 1024, null)]
    [InlineData((1024 * 1024) + 1, "100-continue")]
    public async Task A_large_call_is_sent_once_the_gateway_asks_for_it(int bytes, string? expects)
    {
        await using var gateway = await HttpLedger.StartAsync((_, http) =>
        {
            http.Response.StatusCode = StatusCodes.Status202Accepted;
            http.Response.Headers["X-Call-Id"] = "c-1";
            return Task.CompletedTask;
        });
        using var http = Http(gateway.Url);

        await new FunctionClient(http).SubmitAsync("work", new byte[bytes]);

        var sent = Assert.Single(gateway.Requests);
        Assert.Equal((bytes, expects), (sent.Body.Length, sent.Header("Expect")));
    }

    private static HttpClient Http(Uri gateway) => new(new SocketsHttpHandler()) { BaseAddress = gateway };
}
