using System.Net;
using Connectors.Sdk.Invocation;
using Connectors.Testing;

namespace Connectors.Sdk.Tests.Invocation;

public sealed class HttpConnectionsTests
{
    [Theory]
    [InlineData("POST")]
    [InlineData("PATCH")]
    [InlineData("PUT")]
    [InlineData("DELETE")]
    [InlineData("PURGE")]
    public async Task A_request_without_a_body_is_not_sent_again_when_its_kept_connection_is_closed(string method)
    {
        await using var server = DroppingTheSecond();
        using var http = new HttpMessageInvoker(HttpConnections.Create());
        using var first = await SendAsync(http, server, method);

        await Assert.ThrowsAnyAsync<HttpRequestException>(() => SendAsync(http, server, method));

        Assert.Equal(2, server.Heads.Count);
    }

    [Fact]
    public async Task A_call_without_a_body_is_not_sent_again_when_its_kept_connection_is_closed()
    {
        await using var server = DroppingTheSecond();
        using var invoker = new Invoker(server.Url, "test", TimeProvider.System);
        var call = new FunctionCall { Function = new FunctionName("f", "openfaas-fn"), Timeout = TimeSpan.FromSeconds(30) };
        var first = await invoker.InvokeAsync(call, CancellationToken.None);

        var second = await invoker.InvokeAsync(call, CancellationToken.None);

        Assert.Equal((OutcomeKind.Succeeded, OutcomeKind.Unreachable), (first.Kind, second.Kind));
        Assert.Equal(2, server.Heads.Count);
    }

    [Fact]
    public async Task A_GET_is_sent_again()
    {
        await using var server = DroppingTheSecond();
        using var http = new HttpMessageInvoker(HttpConnections.Create());
        using var first = await SendAsync(http, server, "GET");

        using var second = await SendAsync(http, server, "GET");

        Assert.Equal(HttpStatusCode.OK, second.StatusCode);
        Assert.Equal(3, server.Heads.Count);
    }

    // The second request of a connection is read, and may have had its effect, before the connection is closed.
    private static RawServer DroppingTheSecond() => RawServer.Start(async request =>
    {
        await request.ReadBodyAsync();
        if (request.Number == 2)
        {
            request.Close();
            return;
        }

        await request.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    });

    private static async Task<HttpResponseMessage> SendAsync(HttpMessageInvoker http, RawServer server, string method)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), server.Url);
        return await http.SendAsync(request, CancellationToken.None);
    }
}
