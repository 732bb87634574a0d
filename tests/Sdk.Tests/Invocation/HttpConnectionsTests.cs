using System.Net;
using System.Net.Sockets;
using Connectors.Sdk.Invocation;
using Connectors.Testing;
using Microsoft.Extensions.Time.Testing;

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

    [Fact]
    public async Task A_host_whose_first_address_is_silent_is_reached_at_its_second()
    {
        await using var server = RawServer.Start(_ => RawAnswer.Ok);
        var silent = IPAddress.Parse("192.0.2.1");
        var time = new FakeTimeProvider();
        var dialer = new Dialer(time)
        {
            LookUpAsync = (_, _) => Task.FromResult(new[] { silent, IPAddress.Loopback }),
            OpenAsync = async (address, ct) =>
            {
                await Task.Delay(address.Address.Equals(silent) ? Timeout.InfiniteTimeSpan : TimeSpan.Zero, TimeProvider.System, ct);
                var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
                await socket.ConnectAsync(address, ct);
                return socket;
            },
        };
        using var http = new HttpMessageInvoker(HttpConnections.Create(dialer));
        using var request = new HttpRequestMessage(HttpMethod.Get, $"http://several.example:{server.Url.Port}/");

        var sending = http.SendAsync(request, CancellationToken.None);
        await Eventually.HoldsAsync(
            () =>
            {
                time.Advance(Dialer.Patience);
                return sending.IsCompleted;
            },
            "it is answered");

        using var answer = await sending;
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    // Here after a thousandth of that.
    [Fact]
    public async Task Connections_that_are_in_use_are_made_anew_after_one_to_two_minutes()
    {
        await using var server = RawServer.Start(_ => RawAnswer.Ok);
        using var pool = HttpConnections.Create();
        var connections = ConnectionsOf(pool);
        var life = connections.PooledConnectionLifetime;
        connections.PooledConnectionLifetime = life / 1000;
        using var http = new HttpMessageInvoker(pool);

        await Eventually.HoldsAsync(
            async () =>
            {
                using var answer = await SendAsync(http, server, "POST");
                return server.Requests.Any(request => request.Number > 1) && server.Requests.Count(request => request.Number == 1) > 1;
            },
            "one that was used again is not used for ever");

        Assert.InRange(life, TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(2));
    }

    [Fact]
    public void Connections_are_not_made_anew_all_at_once()
    {
        var lives = Enumerable.Range(0, 100).Select(_ =>
        {
            using var pool = HttpConnections.Create();
            return ConnectionsOf(pool).PooledConnectionLifetime;
        }).ToList();

        Assert.All(lives, life => Assert.InRange(life, TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(2)));
        Assert.True(lives.Distinct().Count() > 1);
    }

    private static SocketsHttpHandler ConnectionsOf(HttpMessageHandler pool) => (SocketsHttpHandler)((DelegatingHandler)pool).InnerHandler!;

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
