using System.Text;
using Connectors.Testing;
using NATS.Client.Core;
using NATS.Net;

namespace Connectors.Packages.Tests.Nats;

public sealed class PubSubTests : IAsyncLifetime
{
    private NatsServer _server = null!;
    private NatsConnection _nats = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await NatsServer.StartAsync();
        _nats = new NatsConnection(new NatsOpts { Url = _server.Url });
    }

    public async ValueTask DisposeAsync()
    {
        await _nats.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task A_message_arrives_as_it_was_sent()
    {
        await using var sub = await _nats.SubscribeCoreAsync<byte[]>("a.*");
        var bytes = Enumerable.Range(0, 256).Select(i => (byte)i).ToArray();

        await _nats.PublishAsync("a.b", bytes, replyTo: "c");
        var msg = await sub.Msgs.ReadAsync();

        Assert.Equal("a.b", msg.Subject);
        Assert.Equal("c", msg.ReplyTo);
        Assert.Equal(bytes, msg.Data);
        Assert.Equal("a.b".Length + "c".Length + 256, msg.Size);
        Assert.Null(msg.Headers);
    }

    [Fact]
    public async Task An_empty_message_arrives_as_null()
    {
        await using var sub = await _nats.SubscribeCoreAsync<string>("a");

        await _nats.PublishAsync("a");

        Assert.Null((await sub.Msgs.ReadAsync()).Data);
    }

    [Fact]
    public async Task Headers_keep_all_values_and_ignore_case()
    {
        await using var sub = await _nats.SubscribeCoreAsync<string>("a");
        var headers = new NatsHeaders { ["One"] = "1", ["Many"] = new[] { "a", "b: c", "" } };

        await _nats.PublishAsync("a", "x", headers);
        var received = (await sub.Msgs.ReadAsync()).Headers!;

        Assert.Equal("1", received["one"]);
        Assert.Equal<IEnumerable<string?>>(["a", "b: c", ""], received["MANY"]);
        Assert.True(received.TryGetLastValue("One", out var last));
        Assert.Equal("1", last);
        Assert.True(received.IsReadOnly);
        Assert.Equal(0, received.Code);
    }

    [Theory]
    [InlineData("a b", "v")]
    [InlineData("a:b", "v")]
    [InlineData("a", "v\r\nEvil: 1")]
    public async Task A_header_that_would_break_the_protocol_is_refused(string key, string value)
    {
        await _nats.ConnectAsync();

        await Assert.ThrowsAsync<NatsException>(async () => await _nats.PublishAsync("a", "x", new NatsHeaders { [key] = value }));
        Assert.True(await _nats.PingAsync() > TimeSpan.Zero);
    }

    [Fact]
    public async Task Members_of_a_queue_group_share_the_messages()
    {
        await using var one = await _nats.SubscribeCoreAsync<int>("a", queueGroup: "g");
        await using var two = await _nats.SubscribeCoreAsync<int>("a", queueGroup: "g");

        for (var i = 0; i < 100; i++)
        {
            await _nats.PublishAsync("a", i);
        }

        await _nats.PingAsync();
        Assert.Equal(100, one.Msgs.Count + two.Msgs.Count);
        Assert.True(one.Msgs.Count > 0 && two.Msgs.Count > 0);
    }

    [Fact]
    public async Task No_message_comes_after_unsubscribing()
    {
        var sub = await _nats.SubscribeCoreAsync<string>("a");
        await sub.UnsubscribeAsync();

        await _nats.PublishAsync("a", "x");
        await _nats.PingAsync();

        Assert.False(await sub.Msgs.WaitToReadAsync());
    }

    [Fact]
    public async Task A_subscription_ends_after_its_number_of_messages()
    {
        await using var sub = await _nats.SubscribeCoreAsync<int>("a", opts: new NatsSubOpts { MaxMsgs = 3 });
        for (var i = 0; i < 5; i++)
        {
            await _nats.PublishAsync("a", i);
        }

        var received = await sub.Msgs.ReadAllAsync().ToListAsync();

        Assert.Equal([0, 1, 2], received.Select(msg => msg.Data));
    }

    [Fact]
    public async Task Enumerating_a_subscription_ends_with_its_token()
    {
        using var cancel = new CancellationTokenSource();
        var received = 0;
        var reading = Task.Run(async () =>
        {
            await foreach (var _ in _nats.SubscribeAsync<string>("a", cancellationToken: cancel.Token))
            {
                received++;
            }
        });

        await Eventually.HoldsAsync(async () =>
        {
            await _nats.PublishAsync("a", "x");
            return received > 0;
        }, "a message is read");
        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading);
    }

    [Fact]
    public async Task A_hundred_thousand_messages_arrive_in_order()
    {
        const int Count = 100_000;
        await using var sub = await _nats.SubscribeCoreAsync<int>("a", opts: new NatsSubOpts { ChannelOpts = new NatsSubChannelOpts { Capacity = Count } });
        var sending = Task.Run(async () =>
        {
            for (var i = 0; i < Count; i++)
            {
                await _nats.PublishAsync("a", i);
            }
        });

        for (var i = 0; i < Count; i++)
        {
            Assert.Equal(i, (await sub.Msgs.ReadAsync()).Data);
        }

        await sending;
    }

    [Fact]
    public async Task Messages_from_many_threads_are_not_mixed_up()
    {
        var payload = new string('x', 3000);
        await using var sub = await _nats.SubscribeCoreAsync<string>("t.*", opts: new NatsSubOpts { ChannelOpts = new NatsSubChannelOpts { Capacity = 8000 } });

        await Parallel.ForAsync(0, 8000, async (i, token) => await _nats.PublishAsync($"t.{i}", payload + i, new NatsHeaders { ["N"] = $"{i}" }, cancellationToken: token));

        var seen = new HashSet<string>();
        for (var i = 0; i < 8000; i++)
        {
            var msg = await sub.Msgs.ReadAsync();
            Assert.Equal($"t.{msg.Headers!["N"]}", msg.Subject);
            Assert.Equal(payload + msg.Headers["N"], msg.Data);
            Assert.True(seen.Add(msg.Subject));
        }
    }

    [Fact]
    public async Task A_full_subscriber_loses_messages_and_the_connection_says_which()
    {
        var dropped = new List<string>();
        _nats.MessageDropped += (_, args) =>
        {
            dropped.Add((string)args.Data!);
            return ValueTask.CompletedTask;
        };
        await using var sub = await _nats.SubscribeCoreAsync<string>("a", opts: new NatsSubOpts { ChannelOpts = new NatsSubChannelOpts { Capacity = 1 } });

        await _nats.PublishAsync("a", "first");
        await _nats.PublishAsync("a", "second");
        await _nats.PingAsync();

        // The default drops the newest of those that wait, not the one that comes.
        await Eventually.HoldsAsync(() => dropped.Count == 1, "the event is raised");
        Assert.Equal("first", Assert.Single(dropped));
        Assert.Equal("second", (await sub.Msgs.ReadAsync()).Data);
    }

    [Fact]
    public async Task A_client_speaks_json_and_a_plain_connection_does_not()
    {
        await using var client = new NatsClient(new NatsOpts { Url = _server.Url });
        await using var sub = await client.Connection.SubscribeCoreAsync<Order>("a");

        await client.PublishAsync("a", new Order("x", 2));

        Assert.Equal(new Order("x", 2), (await sub.Msgs.ReadAsync()).Data);
        await Assert.ThrowsAsync<NatsException>(async () => await _nats.PublishAsync("a", new Order("x", 2)));
    }

    [Fact]
    public async Task A_payload_that_cannot_be_read_is_an_error_of_its_message_only()
    {
        await using var sub = await _nats.SubscribeCoreAsync<int>("a");

        await _nats.PublishAsync("a", "seven");
        await _nats.PublishAsync("a", "7");

        var bad = await sub.Msgs.ReadAsync();
        Assert.IsType<NatsDeserializeException>(bad.Error);
        Assert.Throws<NatsDeserializeException>(bad.EnsureSuccess);
        Assert.Equal(7, (await sub.Msgs.ReadAsync()).Data);
    }

    [Fact]
    public async Task Rented_memory_carries_the_bytes()
    {
        await using var sub = await _nats.SubscribeCoreAsync<NatsMemoryOwner<byte>>("a");

        await _nats.PublishAsync("a", new ReadOnlyMemory<byte>("hello"u8.ToArray()));

        using var data = (await sub.Msgs.ReadAsync()).Data;
        Assert.Equal("hello", Encoding.UTF8.GetString(data.Span));
    }

    [Fact]
    public async Task The_greeting_of_the_server_is_known()
    {
        await _nats.ConnectAsync();

        var info = _nats.ServerInfo!;
        Assert.StartsWith("2.", info.Version, StringComparison.Ordinal);
        Assert.Equal(1 << 20, info.MaxPayload);
        Assert.True(info.HeadersSupported);
        Assert.True(info.JetStreamAvailable);
        Assert.Equal(NatsConnectionState.Open, _nats.ConnectionState);
    }

    public sealed record Order(string Name, int Count);
}
