using Connectors.Testing;
using NATS.Client.Core;

namespace Connectors.Packages.Tests.Nats;

public sealed class RequestTests : IAsyncLifetime
{
    private NatsServer _server = null!;
    private NatsConnection _nats = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await NatsServer.StartAsync();
        _nats = new NatsConnection(new NatsOpts { Url = _server.Url, RequestTimeout = TimeSpan.FromSeconds(30) });
    }

    public async ValueTask DisposeAsync()
    {
        await _nats.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task Each_request_gets_its_own_reply()
    {
        await using var responder = await RespondAsync("echo", msg => msg.Data);

        var replies = await Task.WhenAll(Enumerable.Range(0, 2000).Select(async i =>
            (await _nats.RequestAsync<string, string>("echo", $"{i}")).Data));

        Assert.Equal(Enumerable.Range(0, 2000).Select(i => $"{i}"), replies);
    }

    [Fact]
    public async Task A_subject_without_listeners_is_told_at_once()
    {
        await Assert.ThrowsAsync<NatsNoRespondersException>(async () => await _nats.RequestAsync<string, string>("nobody", "x"));
    }

    [Fact]
    public async Task No_responders_can_be_asked_for_as_a_message()
    {
        var reply = await _nats.RequestAsync<string, string>("nobody", "x", replyOpts: new NatsSubOpts { ThrowIfNoResponders = false });

        Assert.Equal(503, reply.Headers!.Code);
    }

    [Fact]
    public async Task A_listener_that_does_not_reply_ends_in_no_reply()
    {
        await using var silent = await _nats.SubscribeCoreAsync<string>("silent");

        await Assert.ThrowsAsync<NatsNoReplyException>(async () =>
            await _nats.RequestAsync<string, string>("silent", "x", replyOpts: new NatsSubOpts { Timeout = TimeSpan.FromMilliseconds(100) }));
    }

    [Fact]
    public async Task A_request_can_be_cancelled()
    {
        await using var silent = await _nats.SubscribeCoreAsync<string>("silent");
        using var cancel = new CancellationTokenSource();
        var request = _nats.RequestAsync<string, string>("silent", "x", cancellationToken: cancel.Token).AsTask();
        await silent.Msgs.ReadAsync();

        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => request);
    }

    [Fact]
    public async Task Disposing_the_connection_fails_the_requests_that_wait()
    {
        var other = new NatsConnection(new NatsOpts { Url = _server.Url });
        await using var silent = await _nats.SubscribeCoreAsync<string>("silent");
        await _nats.PingAsync();
        var request = other.RequestAsync<string, string>("silent", "x").AsTask();
        await silent.Msgs.ReadAsync();

        await other.DisposeAsync();

        await Assert.ThrowsAsync<ObjectDisposedException>(() => request);
    }

    [Fact]
    public async Task Many_replies_end_with_an_empty_one()
    {
        await using var responder = await _nats.SubscribeCoreAsync<string>("many");
        var answering = Task.Run(async () =>
        {
            var msg = await responder.Msgs.ReadAsync();
            for (var i = 0; i < 3; i++)
            {
                await msg.ReplyAsync(i);
            }

            await msg.ReplyAsync();
        });

        var replies = await _nats.RequestManyAsync<string, int>("many", "x").ToListAsync();

        Assert.Equal([0, 1, 2], replies.Select(msg => msg.Data));
        await answering;
    }

    private async Task<IAsyncDisposable> RespondAsync(string subject, Func<NatsMsg<string>, string?> answer)
    {
        var sub = await _nats.SubscribeCoreAsync<string>(subject, opts: new NatsSubOpts { ChannelOpts = new NatsSubChannelOpts { Capacity = 10_000 } });
        _ = Task.Run(async () =>
        {
            await foreach (var msg in sub.Msgs.ReadAllAsync())
            {
                await msg.ReplyAsync(answer(msg));
            }
        });
        return sub;
    }
}
