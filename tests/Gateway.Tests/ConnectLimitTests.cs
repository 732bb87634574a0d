using System.Net;
using System.Net.Sockets;
using Connectors.Gateway.Forwarding;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Time.Testing;

namespace Connectors.Gateway.Tests;

public sealed class ConnectLimitTests
{
    [Fact]
    public async Task A_server_that_takes_no_connection_is_unreachable_and_not_slow()
    {
        // Nobody accepts, and once its queue is full the kernel answers no further connection.
        using var silent = new Socket(SocketType.Stream, ProtocolType.Tcp);
        silent.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        silent.Listen(0);
        using var queued = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await queued.ConnectAsync(silent.LocalEndPoint!);
        var time = new FakeTimeProvider();
        await using var connections = new UpstreamConnections(time);
        var caller = new DefaultHttpContext();

        var forwarding = new Relay(connections).ForwardAsync(caller, $"http://{silent.LocalEndPoint}/function/f", new Upstream(), CancellationToken.None);
        time.Advance(TimeSpan.FromSeconds(10));
        var outcome = await forwarding;

        Assert.Equal(ForwardKind.Unreachable, outcome.Kind);
        Assert.Contains("no connection to", outcome.Error, StringComparison.Ordinal);
        Assert.Contains("within 10 s", caller.Features.Get<FailureCause>()!.Text, StringComparison.Ordinal);
    }
}
