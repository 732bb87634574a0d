using System.Net;
using System.Net.Sockets;
using Connectors.Gateway.Forwarding;
using Connectors.Provider.Contracts;
using Connectors.Sdk.Invocation;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Time.Testing;

namespace Connectors.Gateway.Tests;

public sealed class ConnectLimitTests
{
    [Fact]
    public async Task A_server_that_takes_no_connection_is_unreachable_and_not_slow()
    {
        using var silent = new SilentServer(new IPEndPoint(IPAddress.Loopback, 0));
        var time = new FakeTimeProvider();
        await using var connections = new UpstreamConnections(time, new Random(7));
        var caller = new DefaultHttpContext();

        var forwarding = new Relay(connections).ForwardAsync(caller, $"http://{silent.Address}/function/f", new Upstream(), CancellationToken.None);
        time.Advance(TimeSpan.FromSeconds(10));
        var outcome = await forwarding;

        Assert.Equal(ForwardKind.Unreachable, outcome.Kind);
        Assert.Contains("no connection to", outcome.Error, StringComparison.Ordinal);
        Assert.Contains("within 10 s", caller.Features.Get<FailureCause>()!.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_whose_first_address_takes_no_connection_is_reached_at_its_second()
    {
        await using var server = RawServer.Start(_ => RawAnswer.Ok);
        using var silent = new SilentServer(new IPEndPoint(IPAddress.Parse("127.0.0.2"), server.Url.Port));
        var time = new FakeTimeProvider();
        var dialer = new Dialer(time) { LookUpAsync = (_, _) => Task.FromResult(new[] { silent.Address.Address, IPAddress.Loopback }) };
        await using var connections = new UpstreamConnections(time, new Random(7), dialer);

        var forwarding = new Relay(connections).ForwardAsync(
            new DefaultHttpContext(), $"http://several.example:{server.Url.Port}/function/f", new Upstream(), CancellationToken.None);
        var seconds = 0;
        await Eventually.HoldsAsync(
            () =>
            {
                // Far fewer than a connection may take: a busy machine needs its own time for the second address.
                if (seconds < 5)
                {
                    seconds++;
                    time.Advance(TimeSpan.FromSeconds(1));
                }

                return forwarding.IsCompleted;
            },
            "the call is over");
        var outcome = await forwarding;

        Assert.Equal(ForwardKind.Answered, outcome.Kind);
        Assert.Single(server.Heads);
    }

    [Fact]
    public async Task A_look_up_that_does_not_end_is_left_at_the_limit_and_at_once_when_the_caller_leaves()
    {
        var time = new FakeTimeProvider();
        await using var connections = new UpstreamConnections(time, new Random(7), new Dialer(time) { LookUpAsync = (_, _) => new TaskCompletionSource<IPAddress[]>().Task });
        var (server, _) = connections.Split("http://lost.example/function/f");
        using var caller = new CancellationTokenSource();
        var leaving = connections.ConnectAsync(server, caller.Token);
        var staying = connections.ConnectAsync(server, CancellationToken.None);

        await caller.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => leaving.WaitAsync(Eventually.Patience, TimeProvider.System));
        Assert.False(staying.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(10));

        var fault = await Assert.ThrowsAsync<IOException>(() => staying.WaitAsync(Eventually.Patience, TimeProvider.System));
        Assert.Equal("no connection to http://lost.example within 10 s", fault.Message);
    }

    // Nobody accepts, and once its queue is full the kernel answers no further connection.
    private sealed class SilentServer : IDisposable
    {
        private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        private readonly Socket _queued = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

        public SilentServer(IPEndPoint address)
        {
            _listener.Bind(address);
            _listener.Listen(0);
            _queued.Connect(_listener.LocalEndPoint!);
        }

        public IPEndPoint Address => (IPEndPoint)_listener.LocalEndPoint!;

        public void Dispose()
        {
            _queued.Dispose();
            _listener.Dispose();
        }
    }
}
