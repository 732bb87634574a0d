using Connectors.Testing;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;
using NATS.Net;

namespace Connectors.Conformance.Tests.Nats;

public sealed class PublishTests : IAsyncLifetime
{
    private NatsServer _server = null!;
    private NatsConnection _nats = null!;
    private INatsJSContext _js = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await NatsServer.StartAsync();
        _nats = new NatsConnection(JetStreamFixture.Patient(_server));
        _js = _nats.CreateJetStreamContext();
        await _js.CreateStreamAsync(new StreamConfig("S", ["s.>"]) { DuplicateWindow = TimeSpan.FromMinutes(1) });
    }

    public async ValueTask DisposeAsync()
    {
        await _nats.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task The_stream_acknowledges_with_its_name_and_the_sequence()
    {
        var first = await _js.PublishAsync("s.a", "1");
        var second = await _js.PublishAsync("s.a", "2");

        Assert.Equal(("S", 1UL, false), (first.Stream, first.Seq, first.Duplicate));
        Assert.Equal(2UL, second.Seq);
        second.EnsureSuccess();
    }

    [Fact]
    public async Task A_second_message_with_the_same_id_is_a_duplicate_even_on_another_subject()
    {
        var opts = new NatsJSPubOpts { MsgId = "one" };
        await _js.PublishAsync("s.a", "1", opts: opts);

        var again = await _js.PublishAsync("s.b", "1", opts: opts);

        Assert.True(again.Duplicate);
        Assert.Equal(1UL, again.Seq);
        Assert.Equal(1UL, Assert.Throws<NatsJSDuplicateMessageException>(again.EnsureSuccess).Sequence);
        Assert.Equal(1, (await _js.GetStreamAsync("S")).Info.State.Messages);
    }

    [Fact]
    public async Task A_subject_without_a_stream_gives_no_response()
    {
        await Assert.ThrowsAsync<NatsJSPublishNoResponseException>(async () => await _js.PublishAsync("nowhere", "1"));
        var result = await _js.TryPublishAsync("nowhere", "1");
        Assert.IsType<NatsJSPublishNoResponseException>(result.Error);
    }

    [Fact]
    public async Task A_full_stream_says_so()
    {
        await _js.CreateStreamAsync(new StreamConfig("FULL", ["full"]) { MaxMsgs = 1, Discard = StreamConfigDiscard.New });
        await _js.PublishAsync("full", "1");

        var refused = await _js.PublishAsync("full", "2");

        Assert.Equal((503, 10077), (refused.Error!.Code, refused.Error.ErrCode));
    }

    [Fact]
    public async Task An_oversize_message_is_refused_before_it_is_sent_and_the_connection_stays()
    {
        await _nats.ConnectAsync();
        var id = _nats.ServerInfo!.ClientId;
        var most = _nats.ServerInfo.MaxPayload;
        var disconnected = 0;
        _nats.ConnectionDisconnected += (_, _) =>
        {
            disconnected++;
            return ValueTask.CompletedTask;
        };

        await Assert.ThrowsAsync<NatsPayloadTooLargeException>(async () => await _js.PublishAsync("s.a", new byte[most + 1]));
        await Assert.ThrowsAsync<NatsPayloadTooLargeException>(async () => await _js.PublishAsync("s.a", new byte[most], headers: new NatsHeaders { ["A"] = "b" }));

        (await _js.PublishAsync("s.a", new byte[most])).EnsureSuccess();
        await _nats.PingAsync();
        Assert.Equal(id, _nats.ServerInfo.ClientId);
        Assert.Equal(0, disconnected);
    }

    [Fact]
    public async Task Headers_of_more_than_64_kib_are_refused_by_the_stream_and_the_connection_stays()
    {
        var fits = await _js.PublishAsync("s.a", "x", headers: new NatsHeaders { ["A"] = new string('a', 65_000) });
        var refused = await _js.PublishAsync("s.a", "x", headers: new NatsHeaders { ["A"] = new string('a', 65_536) });

        fits.EnsureSuccess();
        Assert.Equal((400, 10097), (refused.Error!.Code, refused.Error.ErrCode));
        (await _js.PublishAsync("s.a", "y")).EnsureSuccess();
    }

    [Fact]
    public async Task The_greeting_tells_the_version_and_how_much_a_message_may_be()
    {
        await _nats.ConnectAsync();

        Assert.StartsWith("2.", _nats.ServerInfo!.Version, StringComparison.Ordinal);
        Assert.Equal((1 << 20, true), (_nats.ServerInfo.MaxPayload, _nats.ServerInfo.JetStreamAvailable));
    }

    [Fact]
    public async Task Any_bytes_come_back_unchanged()
    {
        var bytes = new byte[1_000_000];
        new Random(1).NextBytes(bytes);
        var ack = await _js.PublishAsync("s.a", bytes, headers: new NatsHeaders { ["A"] = new[] { "1", "2" } });

        var stored = await (await _js.GetStreamAsync("S")).GetAsync(new StreamMsgGetRequest { Seq = ack.Seq });

        Assert.True(stored.Message.Data.Span.SequenceEqual(bytes));
        Assert.Equal("s.a", stored.Message.Subject);
        Assert.NotNull(stored.Message.Hdrs);
    }
}
