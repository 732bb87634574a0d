using System.Text;
using System.Text.Json;
using Connectors.Streams.Nats;
using Connectors.Testing;
using CsCheck;
using NATS.Client.JetStream.Models;

namespace Connectors.Streams.Tests.Nats;

/// <summary>How writes end, on a real server: one test for each word that the publisher has for it.</summary>
public sealed class StreamPublisherTests : IAsyncLifetime
{
    private static readonly WriteTerms Brief = new(TimeSpan.FromMilliseconds(300)) { TryTimeout = TimeSpan.FromSeconds(20), RenewsIdAfter = TimeSpan.Zero };
    private static readonly WriteTerms Patient = new(Eventually.Patience) { TryTimeout = TimeSpan.FromSeconds(20), WaitsForRoom = true, RenewsIdAfter = TimeSpan.Zero };

    private NatsServer _server = null!;
    private TestLink _link = null!;

    private StreamPublisher Publisher => _link.Publisher;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _server = await NatsServer.StartAsync();
        _link = await TestLink.OpenAsync(_server);
    }

    public async ValueTask DisposeAsync()
    {
        await _link.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task Stored_and_then_a_duplicate()
    {
        await CreateAsync(new StreamConfig("s", ["s.>"]));

        var first = await Publisher.WriteAsync(Message("s.a", "id"), Patient, Ct);
        var second = await Publisher.WriteAsync(Message("s.a", "id"), Patient, Ct);

        Assert.Equal((WriteResult.Stored, "s"), (first.Result, first.Stream));
        Assert.Equal((WriteResult.Duplicate, "s"), (second.Result, second.Stream));
        Assert.Equal(1ul, await CountAsync("s"));
    }

    [Theory]
    [InlineData(2, -1)]
    [InlineData(-1, 1000)]
    public async Task Full_at_once_or_after_waiting_for_room(long maxMessages, long maxBytes)
    {
        await CreateAsync(new StreamConfig("s", ["s.>"]) { MaxMsgs = maxMessages, MaxBytes = maxBytes, Discard = StreamConfigDiscard.New });
        var body = new byte[400];
        await Publisher.WriteAsync(Message("s.a", "1", body), Patient, Ct);
        await Publisher.WriteAsync(Message("s.a", "2", body), Patient, Ct);

        var refused = await Publisher.WriteAsync(Message("s.a", "3", body), Patient with { WaitsForRoom = false }, Ct);

        // Without an answer within so short a time it is not known to be full.
        await Eventually.HoldsAsync(
            async () => (await Publisher.WriteAsync(Message("s.a", "3", body), Brief with { Patience = TimeSpan.FromSeconds(2), WaitsForRoom = true }, Ct)).Result == WriteResult.Full, "no room comes");
        var waiting = Publisher.WriteAsync(Message("s.a", "3", body), Patient, Ct);
        await _link.Link.JetStream.PurgeStreamAsync("s", new StreamPurgeRequest(), Ct);

        Assert.Equal(WriteResult.Full, refused.Result);
        Assert.Contains("maximum", refused.Reason, StringComparison.Ordinal);
        Assert.Equal(WriteResult.Stored, (await waiting).Result);
    }

    [Fact]
    public async Task Too_large_for_the_server_for_the_header_block_or_for_the_stream()
    {
        await CreateAsync(new StreamConfig("s", ["s.>"]) { MaxMsgSize = 100_000 });
        var body = Message("s.a", "1", new byte[_link.Link.MaxPayload]);
        var headers = Message("s.a", "2") with { Headers = [new("A", new string('a', 66_000))] };
        var stream = Message("s.a", "3", new byte[200_000]);

        Assert.Equal(WriteResult.TooLarge, (await Publisher.WriteAsync(body, Patient, Ct)).Result);
        Assert.Equal(WriteResult.TooLarge, (await Publisher.WriteAsync(headers, Patient, Ct)).Result);
        Assert.Equal(WriteResult.TooLarge, (await Publisher.WriteAsync(stream, Patient, Ct)).Result);
        Assert.Equal((false, false, true), (Publisher.Fits(body), Publisher.Fits(headers), Publisher.Fits(stream)));
        Assert.Equal(WriteResult.Stored, (await Publisher.WriteAsync(Message("s.a", "4"), Patient, Ct)).Result);
    }

    [Fact]
    public async Task A_header_that_stands_there_twice_is_stored_twice()
    {
        await CreateAsync(new StreamConfig("s", ["s.>"]));
        var twice = Message("s.a", "id") with { Headers = [new("A", "1"), new("B", ""), new("A", "2")] };

        Assert.Equal(WriteResult.Stored, (await Publisher.WriteAsync(twice, Patient, Ct)).Result);

        var stored = (await (await _link.Link.JetStream.GetStreamAsync("s", cancellationToken: Ct)).GetAsync(new StreamMsgGetRequest { Seq = 1 }, Ct)).Message;
        var lines = Encoding.ASCII.GetString(Convert.FromBase64String(stored.Hdrs!)).Split("\r\n");
        Assert.Equal(["A: 1", "A: 2", "B: "], lines.Where(line => line.StartsWith('A') || line.StartsWith('B')));
    }

    [Fact]
    public async Task What_fits_is_never_too_large()
    {
        await CreateAsync(new StreamConfig("s", ["s.>"]) { MaxMsgs = 1 });
        var sizes = Gen.Select(Gen.OneOf(Gen.Int[0, 70_000], Gen.Int[64_000, 65_600]), Gen.OneOf(Gen.Int[0, 1_100_000], Gen.Int[980_000, 1_050_000]), Gen.Int[1, 20]);

        await sizes.SampleAsync(
            async (headers, body, lines) =>
            {
                var message = Message("s.a", "m" + Guid.NewGuid(), new byte[body]) with
                {
                    Headers = [.. Enumerable.Range(0, lines).Select(i => KeyValuePair.Create($"H{i}", new string('h', headers / lines)))],
                };

                return !Publisher.Fits(message) || (await Publisher.WriteAsync(message, Patient, Ct)).IsStored;
            },
            iter: 300,
            threads: 1);
    }

    [Fact]
    public async Task No_stream_is_told_at_once_and_one_that_comes_is_used()
    {
        var missing = await Publisher.WriteOnceAsync(Message("s.a", "1"), TimeSpan.FromHours(1), Ct);
        var waiting = Publisher.WriteAsync(Message("s.a", "1"), Patient, Ct);
        await CreateAsync(new StreamConfig("s", ["s.>"]));

        Assert.Equal((WriteResult.Refused, true), (missing.Result, missing.IsStreamMissing));
        Assert.Equal(WriteResult.Stored, (await waiting).Result);
    }

    [Fact]
    public async Task A_stream_that_was_deleted_is_told_to_whoever_can_make_it_again()
    {
        await CreateAsync(new StreamConfig("s", ["s.>"]));
        await _link.Link.JetStream.DeleteStreamAsync("s", Ct);
        var terms = Patient with { Prepare = (isMissing, _) => isMissing ? CreateAsync(new StreamConfig("s", ["s.>"])) : Task.CompletedTask };

        Assert.Equal(WriteResult.Stored, (await Publisher.WriteAsync(Message("s.a", "1"), terms, Ct)).Result);
    }

    [Fact]
    public async Task Unknown_without_an_answer_and_repeated_only_under_an_id()
    {
        await CreateAsync(new StreamConfig("s", ["s.>"]));
        var impatient = Patient with { TryTimeout = TimeSpan.FromMilliseconds(50) };
        _server.Pause();
        var withoutId = await Publisher.WriteAsync(Message("s.a", null), impatient, Ct);
        var withId = await Publisher.WriteAsync(Message("s.a", "1"), impatient with { Patience = TimeSpan.FromMilliseconds(300) }, Ct);
        var cutShort = await Publisher.WriteAsync(Message("s.a", "3"), new WriteTerms(TimeSpan.FromSeconds(1)) { TryTimeout = TimeSpan.FromSeconds(1) }, Ct);
        var repeated = Publisher.WriteAsync(Message("s.a", "2"), impatient, Ct);
        _server.Resume();

        Assert.Equal(WriteResult.Unknown, withoutId.Result);
        Assert.Equal(WriteResult.Unknown, cutShort.Result);
        Assert.Equal(WriteResult.Unknown, withId.Result);
        Assert.True((await repeated).IsStored);
    }

    [Fact]
    public async Task Refused_while_nothing_is_connected_and_stored_when_it_is_again()
    {
        await CreateAsync(new StreamConfig("s", ["s.>"]));
        await _server.KillAsync();
        await Eventually.HoldsAsync(() => !_link.Link.IsOpen, "the link is lost");

        var refused = await Publisher.WriteAsync(Message("s.a", "1"), Brief, Ct);
        var waiting = Publisher.WriteAsync(Message("s.a", "1"), Patient, Ct);
        await _server.StartAgainAsync();

        Assert.Equal(WriteResult.Refused, refused.Result);
        Assert.Contains("lost", refused.Reason, StringComparison.Ordinal);
        Assert.Equal(WriteResult.Stored, (await waiting).Result);
    }

    // A cluster that is slow for longer than a try may take answers so to the second try, and stores the first one.
    [Theory]
    [InlineData("""{"error":{"code":409,"err_code":10158,"description":"duplicate message id is in process"},"stream":"s","seq":0}""", 0, false)]
    [InlineData("""{"stream":"s","seq":0,"duplicate":true}""", 3600, false)]
    [InlineData("""{"stream":"s","seq":0,"duplicate":true}""", 0, true)]
    public async Task An_id_that_the_server_holds_is_kept_while_it_may_only_be_slow(string answer, int renewsAfter, bool isRenewed)
    {
        var ids = new List<string>();
        using var listening = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var answers = AnswerAsync(listening.Token);
        var terms = Patient with { RenewsIdAfter = TimeSpan.FromSeconds(renewsAfter) };

        // Until somebody answers there is no stream.
        var written = await Publisher.WriteAsync(Message("s.a", "1"), terms, Ct);
        await listening.CancelAsync();
        await answers;

        Assert.Equal(WriteResult.Stored, written.Result);
        Assert.Equal(4, ids.Count);
        Assert.Equal("1", ids[0]);
        Assert.Equal(isRenewed ? 4 : 1, ids.Distinct().Count());
        Assert.All(ids, id => Assert.StartsWith("1", id, StringComparison.Ordinal));

        async Task AnswerAsync(CancellationToken ct)
        {
            try
            {
                await foreach (var message in _link.Link.Connection.SubscribeAsync<byte[]>("s.a", cancellationToken: ct))
                {
                    ids.Add(message.Headers!["Nats-Msg-Id"].ToString());
                    await message.ReplyAsync(Encoding.UTF8.GetBytes(ids.Count <= 3 ? answer : """{"stream":"s","seq":1}"""), cancellationToken: ct);
                }
            }
            catch (OperationCanceledException)
            {
                // All is answered.
            }
        }
    }

    // What servers wrote, word for word.
    [Theory]
    [InlineData("""{"stream":"s","seq":3}""", WriteResult.Stored, false)]
    [InlineData("""{"stream":"s","seq":3,"duplicate":true}""", WriteResult.Duplicate, false)]
    [InlineData("""{"stream":"s","seq":0,"duplicate":true}""", WriteResult.Unknown, true)]
    [InlineData("""{"stream":"s","seq":0}""", WriteResult.Unknown, true)]
    [InlineData("""{"stream":"s"}""", WriteResult.Unknown, true)]
    [InlineData("""{"error":{"code":409,"err_code":10158,"description":"duplicate message id is in process"},"stream":"s","seq":0}""", WriteResult.Unknown, false)]
    [InlineData("""{"error":{"code":503,"err_code":10077,"description":"maximum messages exceeded"},"stream":"s","seq":0}""", WriteResult.Full, false)]
    [InlineData("""{"error":{"code":503,"err_code":10077,"description":"maximum bytes exceeded"},"stream":"s","seq":0}""", WriteResult.Full, false)]
    [InlineData("""{"error":{"code":503,"err_code":10077,"description":"store is closed"},"stream":"s","seq":0}""", WriteResult.Refused, false)]
    [InlineData("""{"error":{"code":400,"err_code":10002,"description":"resource limits exceeded for account"},"stream":"s","seq":0}""", WriteResult.Full, false)]
    [InlineData("""{"error":{"code":503,"err_code":10023,"description":"insufficient resources"},"stream":"s","seq":0}""", WriteResult.Full, false)]
    [InlineData("""{"error":{"code":500,"err_code":10047,"description":"insufficient storage resources available"},"stream":"s","seq":0}""", WriteResult.Full, false)]
    [InlineData("""{"error":{"code":400,"err_code":10054,"description":"message size exceeds maximum allowed"},"stream":"s","seq":0}""", WriteResult.TooLarge, false)]
    [InlineData("""{"error":{"code":400,"err_code":10097,"description":"header size exceeds maximum allowed of 64k"},"stream":"s","seq":0}""", WriteResult.TooLarge, false)]
    [InlineData("""{"error":{"code":503,"err_code":10008,"description":"JetStream system temporarily unavailable"},"stream":"s","seq":0}""", WriteResult.Refused, false)]
    [InlineData("""{"error":{"code":400,"err_code":10122,"description":"stream max bytes exceeds account limit max stream bytes"},"stream":"s","seq":0}""", WriteResult.Refused, false)]
    public void What_a_servers_answer_means(string answer, WriteResult result, bool isIdSpent)
    {
        var write = StreamAnswer.Read(Encoding.UTF8.GetBytes(answer));

        Assert.Equal((result, isIdSpent), (write.Result, write.IsIdSpent));
        Assert.Equal(write.IsStored, write.Reason.Length == 0);
    }

    [Fact]
    public void An_ack_is_read_as_the_serializer_reads_it_or_left_to_it()
    {
        string[] answers = ["""{"stream":"OF_q","seq":7}""", """{"stream":"s","seq":0,"duplicate":true}""", """{"stream":"s","domain":"d","seq":18446744073709551615}""", """{"seq":1}"""];
        string[] odd = ["", "null", "1.0", "-", "\"", "\\ud800", ",\"seq\":3", "}", " ", "[]", "\u0000", "e1", "\\u0073"];
        Gen.Select(Gen.Int[0, answers.Length - 1], Gen.Int[0, 60], Gen.Int[0, odd.Length - 1], Gen.Int[0, 3]).Sample(
            (which, at, what, removed) =>
            {
                var answer = answers[which];
                at = Math.Min(at, answer.Length);
                var bytes = Encoding.UTF8.GetBytes(answer[..at] + odd[what] + answer[Math.Min(answer.Length, at + removed)..]);

                if (StreamAnswer.TryReadAck(bytes) is { } read)
                {
                    Assert.Equal(JsonSerializer.Deserialize(bytes, StreamAnswerJson.Default.StreamAnswer), read);
                }
            },
            iter: 20_000);
    }

    // nats-server looks for the id before it looks for the stream's room; in a cluster, for room in the account and on the server before it looks for the id.
    [Theory]
    [InlineData(10077, "maximum messages exceeded", true)]
    [InlineData(10077, "store is closed", false)]
    [InlineData(10002, "resource limits exceeded for account", false)]
    [InlineData(10023, "insufficient resources", false)]
    [InlineData(10047, "insufficient storage resources available", false)]
    public void A_full_stream_alone_says_that_it_does_not_know_the_id(int code, string words, bool isNew) =>
        Assert.Equal(isNew, StreamAnswer.Read(Encoding.UTF8.GetBytes($"{{\"error\":{{\"code\":503,\"err_code\":{code},\"description\":\"{words}\"}},\"stream\":\"s\",\"seq\":0}}")).IsIdNew);

    private static StreamMessage Message(string subject, string? id, byte[]? body = null) => new(subject, id, [new("H", "v")], body ?? []);

    private async Task CreateAsync(StreamConfig config) => await _link.Link.JetStream.CreateStreamAsync(config, Ct);

    private async Task<ulong> CountAsync(string stream) => (ulong)(await _link.Link.JetStream.GetStreamAsync(stream, cancellationToken: Ct)).Info.State.Messages;
}
