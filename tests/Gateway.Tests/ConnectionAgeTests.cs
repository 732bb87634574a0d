using Connectors.Gateway.Forwarding;
using Connectors.Provider.Contracts;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Time.Testing;

namespace Connectors.Gateway.Tests;

/// <summary>Connections to functions and providers that are never idle: they too are made anew, so that work comes to servers that were added.</summary>
public sealed class ConnectionAgeTests
{
    private readonly FakeTimeProvider _time = new();

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task A_connection_that_is_always_in_use_is_made_anew_after_one_to_two_minutes(int seed)
    {
        await using var server = RawServer.Start(_ => RawAnswer.Ok);
        await using var connections = new UpstreamConnections(_time, new Random(seed));
        for (var seconds = 0; seconds < 60; seconds += 10)
        {
            await CallAsync(connections, server);
            _time.Advance(TimeSpan.FromSeconds(10));
        }

        Assert.Equal(1, Connections(server));
        for (var seconds = 60; seconds <= 120; seconds += 10)
        {
            await CallAsync(connections, server);
            _time.Advance(TimeSpan.FromSeconds(10));
        }

        Assert.Equal(2, Connections(server));
    }

    [Fact]
    public async Task An_exchange_outlives_its_connections_age_and_is_the_last_one_on_it()
    {
        var gate = new TaskCompletionSource();
        await using var server = RawServer.Start(async request =>
        {
            await gate.Task;
            await request.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        });
        await using var connections = new UpstreamConnections(_time, new Random(7));
        var slow = CallAsync(connections, server);
        await Eventually.HoldsAsync(() => server.Heads.Count == 1, "it runs");

        for (var minutes = 0; minutes < 10; minutes++)
        {
            _time.Advance(TimeSpan.FromMinutes(1));
        }

        gate.SetResult();
        await slow;
        await CallAsync(connections, server);

        Assert.Equal(2, Connections(server));
    }

    private static int Connections(RawServer server) => server.Requests.Count(request => request.Number == 1);

    private static async Task CallAsync(UpstreamConnections connections, RawServer server) => Assert.Equal(
        ForwardKind.Answered,
        (await new Relay(connections).ForwardAsync(new DefaultHttpContext(), server.Url.AbsoluteUri, new Upstream(), CancellationToken.None)).Kind);
}
