using System.Runtime.CompilerServices;
using Connectors.Testing;
using NATS.Client.Core;

namespace Connectors.Conformance.Tests.Nats;

/// <summary>A connection with the settings that the product sets: it never gives up, whatever the server refuses meanwhile.</summary>
public sealed class ReconnectTests
{
    private static readonly NatsOpts Quick = new()
    {
        MaxReconnectRetry = -1,
        IgnoreAuthErrorAbort = true,
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
            await IsLostAsync(nats);
            await server.StartAgainAsync();
            await nats.PublishAsync("one.a", $"1-{round}");
            await nats.PublishAsync("two", $"2-{round}");

            Assert.Equal($"1-{round}", await NextAsync(one));
            Assert.Equal($"2-{round}", await NextAsync(two));
        }

        await nats.PingAsync();
        Assert.Equal(0, one.Msgs.Count + two.Msgs.Count);
        Assert.Equal("3", (await nats.RequestAsync<string, string>("nobody", "x", replyOpts: new NatsSubOpts { ThrowIfNoResponders = false })).Headers!.Code.ToString()[2..]);
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

        Assert.Equal("x", await NextAsync(sub));
    }

    [Fact]
    public async Task A_request_whose_reply_is_lost_ends_in_no_reply()
    {
        await using var server = await NatsServer.StartAsync();
        await using var nats = new NatsConnection(Quick with { Url = server.Url, RequestTimeout = TimeSpan.FromSeconds(2) });
        await using var silent = await nats.SubscribeCoreAsync<string>("silent");
        var request = nats.RequestAsync<string, string>("silent", "x").AsTask();
        await NextAsync(silent);

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
            PingInterval = TimeSpan.FromSeconds(1),
        });
        await nats.ConnectAsync();
        Assert.Equal(first.Port, nats.ServerInfo!.Port);

        first.Pause();
        await Eventually.HoldsAsync(() => nats.ServerInfo.Port == second.Port && nats.ConnectionState == NatsConnectionState.Open, "the other server is taken");
        first.Resume();

        // A busy machine may miss pings of this one, too.
        await Eventually.HoldsAsync(async () => await nats.PingAsync() >= TimeSpan.Zero, "the connection serves");
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

        Assert.Equal("x", await NextAsync(sub));
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

    // Without MaxReconnectRetry = -1 and IgnoreAuthErrorAbort = true the client ends after some attempts or two equal refusals, and who waits for a
    // message waits for ever.
    [Fact]
    public async Task A_subscription_outlives_a_time_in_which_the_login_is_refused()
    {
        var port = FreePort.Next();
        await using var first = await NatsServer.StartAsync("authorization { user: u, password: p }", port);
        await using var nats = new NatsConnection(Quick with { Url = first.Url, AuthOpts = new NatsAuthOpts { Username = "u", Password = "p" } });
        await using var sub = await nats.SubscribeCoreAsync<string>("a");
        var refused = 0;
        nats.ReconnectFailed += (_, _) =>
        {
            Interlocked.Increment(ref refused);
            return ValueTask.CompletedTask;
        };

        await first.StopAsync();
        await using (await NatsServer.StartAsync("authorization { user: u, password: other }", port))
        {
            var before = Volatile.Read(ref refused);
            await Eventually.HoldsAsync(() => Volatile.Read(ref refused) >= before + 4, "logins are refused");
        }

        await first.StartAgainAsync();
        await nats.PublishAsync("a", "x");

        Assert.Equal("x", await NextAsync(sub));
    }

    [Fact]
    public async Task Credentials_are_asked_for_at_each_connection_so_rotated_ones_need_no_restart()
    {
        var port = FreePort.Next();
        var password = new StrongBox<string>("old");
        await using var first = await NatsServer.StartAsync("authorization { user: u, password: old }", port);
        await using var nats = new NatsConnection(Quick with
        {
            Url = first.Url,
            AuthOpts = new NatsAuthOpts { AuthCredCallback = (_, _) => ValueTask.FromResult(NatsAuthCred.FromUserInfo("u", password.Value!)) },
        });
        await using var sub = await nats.SubscribeCoreAsync<string>("a");

        await first.StopAsync();
        await IsLostAsync(nats);
        password.Value = "new";
        await using var second = await NatsServer.StartAsync("authorization { user: u, password: new }", port);
        await nats.PublishAsync("a", "x");

        Assert.Equal("x", await NextAsync(sub));
    }

    // This is so only with the client's usual way of waiting for replies: another one, set in its options, turns no responders into a time that runs out.
    [Fact]
    public async Task A_subject_without_listeners_is_told_at_once()
    {
        await using var server = await NatsServer.StartAsync();
        await using var nats = new NatsConnection(Quick with { Url = server.Url });

        await Assert.ThrowsAsync<NatsNoRespondersException>(async () => await nats.RequestAsync<string, string>("nobody", "x"));
    }

    // What is sent before the client has noticed is lost with the connection.
    private static Task IsLostAsync(NatsConnection nats) => Eventually.HoldsAsync(() => nats.ConnectionState != NatsConnectionState.Open, "the loss is noticed");

    private static async Task<string?> NextAsync(INatsSub<string> sub) => (await sub.Msgs.ReadAsync().AsTask().WaitAsync(Eventually.Patience, TimeProvider.System)).Data;
}
