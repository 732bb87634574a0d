using System.Collections.Concurrent;
using System.Threading.Channels;
using Connectors.Testing;
using NATS.Client.Core;

namespace Connectors.Packages.Tests.Nats;

public sealed class ReconnectTests
{
    private static readonly NatsOpts Quick = new()
    {
        ReconnectWaitMin = TimeSpan.FromMilliseconds(50),
        ReconnectWaitMax = TimeSpan.FromMilliseconds(200),
        ReconnectJitter = TimeSpan.FromMilliseconds(20),
        ConnectTimeout = TimeSpan.FromSeconds(10),
    };

    [Fact]
    public async Task Subscriptions_are_restored_when_the_server_was_killed()
    {
        await using var server = await NatsServer.StartAsync();
        await using var nats = new NatsConnection(Quick with { Url = server.Url });
        await using var one = await nats.SubscribeCoreAsync<string>("one.*");
        await using var two = await nats.SubscribeCoreAsync<string>("two", queueGroup: "g");
        var gone = await nats.SubscribeCoreAsync<string>("one.gone");
        await gone.DisposeAsync();

        for (var round = 0; round < 3; round++)
        {
            await server.KillAsync();
            await server.StartAgainAsync();
            await nats.PublishAsync("one.a", $"1-{round}");
            await nats.PublishAsync("two", $"2-{round}");

            Assert.Equal($"1-{round}", (await one.Msgs.ReadAsync()).Data);
            Assert.Equal($"2-{round}", (await two.Msgs.ReadAsync()).Data);
        }

        await nats.PingAsync();
        Assert.Equal(0, one.Msgs.Count + two.Msgs.Count);
        Assert.Equal("3", (await nats.RequestAsync<string, string>("nobody", "x", replyOpts: new NatsSubOpts { ThrowIfNoResponders = false })).Headers!.Code.ToString()[2..]);
    }

    [Fact]
    public async Task Events_tell_of_the_loss_of_failed_attempts_and_of_the_new_connection()
    {
        await using var server = await NatsServer.StartAsync();
        await using var nats = new NatsConnection(Quick with { Url = server.Url });
        var events = new ConcurrentQueue<string>();
        nats.ConnectionOpened += (_, args) => Note("opened", args);
        nats.ConnectionDisconnected += (_, args) => Note("lost", args);
        nats.ReconnectFailed += (_, args) => Note("failed", args);
        await nats.ConnectAsync();

        await server.KillAsync();
        await Eventually.HoldsAsync(() => events.Contains("failed"), "an attempt fails");
        Assert.Equal(NatsConnectionState.Reconnecting, nats.ConnectionState);
        await server.StartAgainAsync();
        await Eventually.HoldsAsync(() => events.Count(name => name == "opened") == 2, "connected again");

        Assert.Equal(["opened", "lost", "failed", "opened"], events.Distinct().Append("opened"));
        Assert.Equal(NatsConnectionState.Open, nats.ConnectionState);

        ValueTask Note(string name, NatsEventArgs args)
        {
            Assert.Contains("127.0.0.1", args.Message, StringComparison.Ordinal);
            events.Enqueue(name);
            return ValueTask.CompletedTask;
        }
    }

    [Fact]
    public async Task A_handler_that_throws_does_no_harm()
    {
        await using var server = await NatsServer.StartAsync();
        await using var nats = new NatsConnection(Quick with { Url = server.Url });
        nats.ConnectionDisconnected += (_, _) => throw new InvalidOperationException("mine");
        await nats.ConnectAsync();

        await server.KillAsync();
        await server.StartAgainAsync();

        Assert.True(await nats.PingAsync() >= TimeSpan.Zero);
    }

    [Fact]
    public async Task A_publish_waits_for_the_connection()
    {
        await using var server = await NatsServer.StartAsync();
        await using var nats = new NatsConnection(Quick with { Url = server.Url });
        await using var sub = await nats.SubscribeCoreAsync<string>("a");
        await server.KillAsync();
        await Eventually.HoldsAsync(() => nats.ConnectionState == NatsConnectionState.Reconnecting, "the loss is noticed");

        var publishing = nats.PublishAsync("a", "x").AsTask();
        Assert.False(publishing.IsCompleted);
        await server.StartAgainAsync();
        await publishing;

        Assert.Equal("x", (await sub.Msgs.ReadAsync()).Data);
    }

    [Fact]
    public async Task A_publish_that_waits_can_be_cancelled_or_given_a_time()
    {
        await using var server = await NatsServer.StartAsync();
        await using var nats = new NatsConnection(Quick with { Url = server.Url });
        await using var impatient = new NatsConnection(Quick with { Url = server.Url, PublishTimeoutOnDisconnected = true, CommandTimeout = TimeSpan.FromMilliseconds(100) });
        await nats.ConnectAsync();
        await impatient.ConnectAsync();
        await server.KillAsync();
        await Eventually.HoldsAsync(() => nats.ConnectionState == NatsConnectionState.Reconnecting && impatient.ConnectionState == NatsConnectionState.Reconnecting, "the loss is noticed");
        using var cancel = new CancellationTokenSource();
        var publishing = nats.PublishAsync("a", "x", cancellationToken: cancel.Token).AsTask();

        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => publishing);
        await Assert.ThrowsAsync<TaskCanceledException>(async () => await impatient.PublishAsync("a", "x"));
    }

    [Fact]
    public async Task A_request_whose_reply_is_lost_ends_in_no_reply()
    {
        await using var server = await NatsServer.StartAsync();
        await using var nats = new NatsConnection(Quick with { Url = server.Url, RequestTimeout = TimeSpan.FromSeconds(2) });
        await using var silent = await nats.SubscribeCoreAsync<string>("silent");
        var request = nats.RequestAsync<string, string>("silent", "x").AsTask();
        await silent.Msgs.ReadAsync();

        await server.KillAsync();
        await server.StartAgainAsync();

        await Assert.ThrowsAsync<NatsNoReplyException>(() => request);
    }

    [Fact]
    public async Task A_server_that_does_not_answer_pings_is_left()
    {
        await using var first = await NatsServer.StartAsync();
        await using var second = await NatsServer.StartAsync();
        await using var nats = new NatsConnection(Quick with
        {
            Url = $"{first.Url},{second.Url}",
            NoRandomize = true,
            PingInterval = TimeSpan.FromMilliseconds(200),
            ConnectTimeout = TimeSpan.FromSeconds(1),
        });
        await nats.ConnectAsync();
        Assert.Equal(first.Port, nats.ServerInfo!.Port);

        first.Pause();
        await Eventually.HoldsAsync(() => nats.ServerInfo.Port == second.Port && nats.ConnectionState == NatsConnectionState.Open, "the other server is taken");
        first.Resume();

        Assert.True(await nats.PingAsync() >= TimeSpan.Zero);
    }

    [Fact]
    public async Task The_first_server_that_is_there_is_taken()
    {
        await using var server = await NatsServer.StartAsync();
        await using var nats = new NatsConnection(Quick with { Url = $"nats://127.0.0.1:{FreePort.Next()},{server.Url}", NoRandomize = true });

        await nats.ConnectAsync();

        Assert.Equal(server.Port, nats.ServerInfo!.Port);
    }

    [Fact]
    public async Task Another_server_takes_over_with_the_subscriptions()
    {
        await using var first = await NatsServer.StartAsync();
        await using var second = await NatsServer.StartAsync();
        await using var nats = new NatsConnection(Quick with { Url = $"{first.Url},{second.Url}", NoRandomize = true });
        await using var sub = await nats.SubscribeCoreAsync<string>("a");

        await first.KillAsync();
        await Eventually.HoldsAsync(() => nats.ServerInfo!.Port == second.Port && nats.ConnectionState == NatsConnectionState.Open, "the other server is taken");
        await nats.PublishAsync("a", "x");

        Assert.Equal("x", (await sub.Msgs.ReadAsync()).Data);
    }

    [Fact]
    public async Task A_first_connection_that_fails_says_to_whom()
    {
        var port = FreePort.Next();
        await using var nats = new NatsConnection(Quick with { Url = $"nats://127.0.0.1:{port}" });

        var exception = await Assert.ThrowsAsync<NatsException>(async () => await nats.PublishAsync("a", "x"));

        Assert.Contains($"{port}", exception.Message, StringComparison.Ordinal);
        Assert.Equal(NatsConnectionState.Closed, nats.ConnectionState);
    }

    [Fact]
    public async Task A_first_connection_can_wait_for_the_server()
    {
        var port = FreePort.Next();
        await using var nats = new NatsConnection(Quick with { Url = $"nats://127.0.0.1:{port}", RetryOnInitialConnect = true });
        var connecting = nats.ConnectAsync().AsTask();
        await using var server = await NatsServer.StartAsync(port: port);

        await connecting;

        Assert.Equal(NatsConnectionState.Open, nats.ConnectionState);
    }

    [Fact]
    public async Task After_its_number_of_attempts_the_connection_is_given_up()
    {
        await using var server = await NatsServer.StartAsync();
        await using var nats = new NatsConnection(Quick with { Url = server.Url, MaxReconnectRetry = 3 });
        await using var sub = await nats.SubscribeCoreAsync<string>("a");

        await server.KillAsync();

        await Assert.ThrowsAsync<NatsConnectionFailedException>(async () => await sub.Msgs.WaitToReadAsync());
        Assert.NotEqual(NatsConnectionState.Open, nats.ConnectionState);
    }

    [Fact]
    public async Task A_password_that_no_longer_holds_is_not_tried_for_ever()
    {
        var port = FreePort.Next();
        var opts = Quick with { Url = $"nats://u:p@127.0.0.1:{port}" };
        await using var first = await NatsServer.StartAsync("authorization { user: u, password: p }", port);
        await using var nats = new NatsConnection(opts);
        await using var sub = await nats.SubscribeCoreAsync<string>("a");
        await using var patient = new NatsConnection(opts with { IgnoreAuthErrorAbort = true });
        await patient.ConnectAsync();

        await first.StopAsync();
        await using (var second = await NatsServer.StartAsync("authorization { user: u, password: other }", port))
        {
            await Assert.ThrowsAsync<NatsConnectionFailedException>(async () => await sub.Msgs.WaitToReadAsync());
        }

        await first.StartAgainAsync();
        Assert.True(await patient.PingAsync() > TimeSpan.Zero);
    }

    [Fact]
    public async Task A_subscriber_that_does_not_read_does_not_keep_the_connection_from_coming_back()
    {
        await using var server = await NatsServer.StartAsync();
        await using var nats = new NatsConnection(Quick with
        {
            Url = server.Url,
            SubPendingChannelCapacity = 1,
            SubPendingChannelFullMode = BoundedChannelFullMode.Wait,

            // Nobody reads the socket meanwhile, so only the pings find out that it is dead.
            PingInterval = TimeSpan.FromMilliseconds(200),
        });
        await using var stuck = await nats.SubscribeCoreAsync<int>("a");
        await nats.PingAsync();
        await using var other = new NatsConnection(Quick with { Url = server.Url });
        for (var i = 0; i < 10; i++)
        {
            await other.PublishAsync("a", i);
        }

        await other.PingAsync();
        var opened = new TaskCompletionSource();
        nats.ConnectionOpened += (_, _) =>
        {
            opened.TrySetResult();
            return ValueTask.CompletedTask;
        };
        await server.KillAsync();
        await server.StartAgainAsync();
        await opened.Task.WaitAsync(Eventually.Patience, TimeProvider.System);

        Assert.Equal(0, (await stuck.Msgs.ReadAsync()).Data);
    }

    [Fact]
    public async Task Nothing_works_after_disposing()
    {
        await using var server = await NatsServer.StartAsync();
        var nats = new NatsConnection(Quick with { Url = server.Url });
        var sub = await nats.SubscribeCoreAsync<string>("a");

        await nats.DisposeAsync();
        await nats.DisposeAsync();

        Assert.False(await sub.Msgs.WaitToReadAsync());
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await nats.PublishAsync("a", "x"));
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await nats.ConnectAsync());
    }

    [Fact]
    public async Task What_was_published_before_disposing_is_sent()
    {
        await using var server = await NatsServer.StartAsync();
        await using var nats = new NatsConnection(Quick with { Url = server.Url });
        await using var sub = await nats.SubscribeCoreAsync<int>("a", opts: new NatsSubOpts { ChannelOpts = new NatsSubChannelOpts { Capacity = 20_000 } });
        await nats.PingAsync();
        var other = new NatsConnection(Quick with { Url = server.Url });
        for (var i = 0; i < 10_000; i++)
        {
            await other.PublishAsync("a", i);
        }

        await other.DisposeAsync();

        for (var i = 0; i < 10_000; i++)
        {
            Assert.Equal(i, (await sub.Msgs.ReadAsync()).Data);
        }
    }
}
