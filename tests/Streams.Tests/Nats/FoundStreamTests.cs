using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using Connectors.Testing;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Connectors.Streams.Tests.Nats;

/// <summary>Streams that an operator made by hand, and accounts that do not take every stream.</summary>
public sealed class FoundStreamTests : IAsyncLifetime
{
    private const int Held = 10;
    private const long Required = 64 * 1024 * 1024;
    private const long Small = 1024 * 1024;

    private readonly Lines _lines = new();
    private NatsServer _server = null!;
    private TestLink _link = null!;

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

    // Whoever makes one by hand gets the default of the server, which drops the oldest. A limit may be there, or is set now.
    [Theory]
    [InlineData("OF_q", -1)]
    [InlineData("OF_q", Held)]
    [InlineData("OF_q_ASIDE", -1)]
    [InlineData("OF_q_ASIDE", Held)]
    [InlineData("OF_q_CALLBACKS", Held)]
    public async Task One_that_drops_calls_when_it_is_full_refuses_them_before_it_gets_a_limit(string name, int found)
    {
        var shape = StreamShape.All("q", new StreamLimits { MaxMessages = Held / 2 }).Single(shape => shape.Name == name);
        await FillAsync(_link, shape, found);

        var stream = await Setup(_link).EnsureAsync(shape, isFirst: true, Ct);
        var write = await _link.Publisher.WriteAsync(new StreamMessage(Subject(shape), null, [], new byte[1]), new WriteTerms(Eventually.Patience), Ct);

        Assert.Equal(StreamConfigDiscard.New, stream.Config.Discard);
        Assert.Equal(WriteResult.Full, write.Result);
        Assert.Equal(Held, (await _link.Link.JetStream.GetStreamAsync(name, cancellationToken: Ct)).Info.State.Messages);
        Assert.Empty(_lines.Warnings);
    }

    // By hand, or by a tool that has its own idea of them; with a limit of one subject's all calls of a function are meant.
    [Theory]
    [InlineData("OF_q", false, true)]
    [InlineData("OF_q", false, false)]
    [InlineData("OF_q", true, true)]
    [InlineData("OF_q", true, false)]
    [InlineData("OF_q_ASIDE", false, false)]
    [InlineData("OF_q_CALLBACKS", true, false)]
    public async Task One_that_is_edited_so_that_it_drops_calls_refuses_them_from_the_next_look_on(string name, bool ofSubject, bool isFirst)
    {
        var shape = StreamShape.All("q", new StreamLimits()).Single(shape => shape.Name == name);
        var setup = Setup(_link);
        var made = await setup.EnsureAsync(shape, isFirst: true, Ct);
        await _link.Link.JetStream.UpdateStreamAsync(ofSubject ? made.Config with { MaxMsgsPerSubject = 3 } : made.Config with { Discard = StreamConfigDiscard.Old, MaxMsgs = 3 }, Ct);

        var stream = await (isFirst ? Setup(_link) : setup).EnsureAsync(shape, isFirst, Ct);
        var written = new List<WriteResult>();
        for (var i = 0; i < 5; i++)
        {
            written.Add((await _link.Publisher.WriteAsync(new StreamMessage(Subject(shape), null, [], new byte[1]), new WriteTerms(Eventually.Patience), Ct)).Result);
        }

        Assert.Equal(ofSubject ? (3, -1) : (-1, 3), (stream.Config.MaxMsgsPerSubject, stream.Config.MaxMsgs));
        Assert.Equal([WriteResult.Stored, WriteResult.Stored, WriteResult.Stored, WriteResult.Full, WriteResult.Full], written);
        Assert.Empty(_lines.Warnings);
    }

    [Fact]
    public async Task Dead_letters_of_which_the_oldest_are_to_go_are_left_so()
    {
        var shape = StreamShape.Dead("q", new StreamLimits());
        await FillAsync(_link, shape, Held);

        var stream = await Setup(_link).EnsureAsync(shape, isFirst: true, Ct);

        Assert.Equal((StreamConfigDiscard.Old, (long)Held), (stream.Config.Discard, stream.Config.MaxMsgs));
    }

    [Fact]
    public async Task One_that_drops_calls_and_that_this_user_may_not_change_gets_no_limit_which_is_said_once()
    {
        await using var server = await NatsServer.StartAsync("""
            authorization { default_permissions { publish { deny: ["$JS.API.STREAM.UPDATE.OF_q"] } }, users [ { user: u, password: p } ] }
            no_auth_user: u
            """);
        await using var link = await TestLink.OpenAsync(server);
        var shape = StreamShape.Calls("q", new StreamLimits { MaxMessages = Held / 2 });
        await FillAsync(link, shape, -1);

        // The client gives up, for no limit of ours ends on this clock; and is asked again.
        var time = new FakeTimeProvider();
        var setup = Setup(link, time);
        await setup.EnsureAsync(shape, isFirst: true, Ct);
        time.Advance(TimeSpan.FromMinutes(1));
        var stream = await setup.EnsureAsync(shape, isFirst: true, Ct);

        Assert.Equal((StreamConfigDiscard.Old, -1L), (stream.Config.Discard, stream.Config.MaxMsgs));
        var said = Assert.Single(_lines.Warnings);
        Assert.Contains("drops what is oldest", said, StringComparison.Ordinal);

        // Our own limit ends the wait, which is no other reason.
        stream = await Setup(link, TimeProvider.System).EnsureAsync(shape, isFirst: true, Ct);

        Assert.Equal((StreamConfigDiscard.Old, -1L), (stream.Config.Discard, stream.Config.MaxMsgs));
        Assert.Equal([said, said], _lines.Warnings);
    }

    [Fact]
    public async Task Where_an_account_takes_none_without_a_limit_each_has_one_which_is_said_once()
    {
        await using var server = await NatsServer.StartAsync(Account("max_bytes_required: true"));
        await using var link = await TestLink.OpenAsync(server);
        var (setup, shapes) = (Setup(link), StreamShape.All("q", new StreamLimits()));
        foreach (var shape in shapes.Concat(shapes))
        {
            Assert.Equal(Required, (await setup.EnsureAsync(shape, isFirst: true, Ct)).Config.MaxBytes);
        }

        var own = await setup.EnsureAsync(StreamShape.Calls("own", new StreamLimits { MaxBytes = 1_000_000 }), isFirst: true, Ct);
        await Open(link, BucketShape.Paused(new StreamLimits())).PutAsync("k", [1], Ct);

        Assert.Equal(1_000_000, own.Config.MaxBytes);
        Assert.Equal(Required, await MaxBytesAsync(link, $"KV_{StreamNames.Paused}"));
        Assert.Equal(shapes.Select(shape => shape.Name).Order(), _lines.Warnings.Select(line => shapes.Single(shape => line.Contains($" {shape.Name} ", StringComparison.Ordinal)).Name).Order());
    }

    [Fact]
    public async Task Where_it_allows_a_stream_no_more_either_each_has_a_small_one()
    {
        await using var server = await NatsServer.StartAsync(Account("max_bytes_required: true, disk_max_stream_bytes: 32000000"));
        await using var link = await TestLink.OpenAsync(server);
        var setup = Setup(link);
        foreach (var shape in StreamShape.All("q", new StreamLimits()))
        {
            Assert.Equal(Small, (await setup.EnsureAsync(shape, isFirst: true, Ct)).Config.MaxBytes);
        }

        foreach (var shape in new[] { BucketShape.Paused(new StreamLimits()), BucketShape.Cancelled(new StreamLimits()) })
        {
            await Open(link, shape).PutAsync("k", [1], Ct);

            Assert.Equal(Small, await MaxBytesAsync(link, $"KV_{shape.Name}"));
        }
    }

    [Fact]
    public async Task A_bucket_that_is_larger_than_an_account_allows_a_stream_has_no_limit()
    {
        await using var server = await NatsServer.StartAsync(Account("disk_max_stream_bytes: 1000000"));
        await using var link = await TestLink.OpenAsync(server);

        await Open(link, BucketShape.Cancelled(new StreamLimits())).PutAsync("k", [1], Ct);

        Assert.Equal(-1, await MaxBytesAsync(link, $"KV_{StreamNames.Cancelled}"));
    }

    private static string Account(string limits) => $"accounts {{ A {{ jetstream {{ {limits} }}, users [ {{ user: a, password: a }} ] }} }}\nno_auth_user: a";

    private static string Subject(StreamShape shape) => shape.Subjects.Replace(">", "a.b.c", StringComparison.Ordinal);

    private static Bucket Open(TestLink link, BucketShape shape) => new(link.Link, shape, Eventually.Patience, TimeProvider.System);

    private static async Task<long> MaxBytesAsync(TestLink link, string stream) => (await link.Link.JetStream.GetStreamAsync(stream, cancellationToken: Ct)).Info.Config.MaxBytes;

    private static async Task FillAsync(TestLink link, StreamShape shape, long found)
    {
        await link.Link.JetStream.CreateStreamAsync(StreamSetup.ConfigOf(shape) with { Discard = StreamConfigDiscard.Old, MaxMsgs = found }, Ct);
        for (var i = 0; i < Held; i++)
        {
            (await link.Link.JetStream.PublishAsync(Subject(shape), "x", cancellationToken: Ct)).EnsureSuccess();
        }
    }

    private StreamSetup Setup(TestLink link, TimeProvider? time = null) => new(link.Link, time ?? new FakeTimeProvider(), _lines.CreateLogger<StreamSetup>());
}
