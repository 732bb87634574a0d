using System.Globalization;
using System.Text;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using Connectors.Testing;
using NATS.Client.Core;

namespace Connectors.QueueWorker.Tests;

public sealed class ForeignTests(SharedNats nats) : IClassFixture<SharedNats>
{
    // Nobody knows what the next one looks like; "v" says that it is one.
    private static readonly string[] Newer =
    [
        EnvelopeCodec.Encode(Bench.Call() with { Version = 2 }),
        """{"v":2}""",
        """{"v":2,"call":{"id":"c","function":["echo"]},"headers":{"A":["b"]}}""",
        """{"callId":7,"submitted":null,"v":3}""",
    ];

    [Fact]
    public async Task What_is_no_envelope_becomes_a_dead_letter_with_its_body_and_blocks_nobody()
    {
        await using var bench = await Bench.StartAsync(server: nats.Server);
        var subject = StreamNames.CallSubject(bench.Queue, Priority.Normal, Bench.Echo);

        await bench.PublishAsync(subject, [1, 0, 2]);
        await bench.PublishAsync(subject, [3], null, (EnvelopeCodec.HeaderName, "{"), ("Other", "kept"));
        await bench.PublishAsync($"{bench.Queue}.call.normal.one", [4]);
        await bench.PublishAsync($"{bench.Queue}.call.normal.a.b.c.d", new byte[1_040_000], null, (EnvelopeCodec.HeaderName, "x"));
        await bench.EnqueueAsync();
        await bench.HoldsAsync(bench.Dead, 4);
        await bench.IsEmptyAsync();

        var dead = await bench.ReadAsync(bench.Dead);
        Assert.All(dead, d => Assert.Equal(DeadReasons.Foreign, d.Biography.Reason));
        Assert.Contains(dead, d => d.Body.SequenceEqual(new byte[] { 1, 0, 2 }));
        Assert.Equal("kept", dead.Single(d => d.Body.SequenceEqual(new byte[] { 3 })).Header("Other"));
        Assert.Single(bench.Sends);
    }

    [Theory]
    [InlineData("static", 0)]
    [InlineData("function", 6)]
    public async Task A_subject_with_a_star_in_it_takes_no_function_hostage(string mode, int left)
    {
        await using var bench = await Bench.StartAsync(options: new() { ["scaling_mode"] = mode }, server: nats.Server);

        // The server takes them as they are, as names of no function; as filters they would mean every function.
        foreach (var tail in new[] { "*.echo", "openfaas-fn.*", "*.*", "openfaas-fn.>", ">", ">.>" })
        {
            await bench.Connection.PublishAsync($"{bench.Queue}.call.normal.{tail}", new byte[] { 1 }, serializer: NatsRawSerializer<byte[]>.Default);
        }

        await bench.EnqueueAsync();
        await bench.EnqueueAsync(Bench.Call(new FunctionName("other", "openfaas-fn")));
        await bench.Http.ReceivesAsync(2);
        await bench.HoldsAsync(bench.Calls, left);

        Assert.Equal(2, bench.Sends.Count);
    }

    [Theory]
    [InlineData("static", 0)]
    [InlineData("function", 1)]
    public async Task A_subject_that_is_too_long_for_a_filter_ends_no_connection(string mode, int left)
    {
        await using var bench = await Bench.StartAsync(options: new() { ["scaling_mode"] = mode }, server: nats.Server);

        // Just short enough to be published; as a part of another subject it is too long for a line.
        var name = new string('a', 3_900);
        await bench.Connection.PublishAsync($"{bench.Queue}.call.normal.openfaas-fn.{name}", new byte[] { 1 }, serializer: NatsRawSerializer<byte[]>.Default);
        await bench.Connection.PublishAsync($"{bench.Queue}.aside.held.normal.openfaas-fn.{name}", new byte[] { 1 }, serializer: NatsRawSerializer<byte[]>.Default);

        await bench.EnqueueAsync();
        await bench.Http.ReceivesAsync(1);
        await bench.HoldsAsync(bench.Calls, left);

        Assert.Equal(0, await bench.Worker.MetricAsync("queue_worker_nats_reconnect_total") ?? 0);
    }

    [Fact]
    public async Task An_envelope_on_another_functions_subject_is_foreign()
    {
        await using var bench = await Bench.StartAsync(server: nats.Server);
        var call = Bench.Call(new FunctionName("victim", "openfaas-fn"));

        await bench.PublishAsync(StreamNames.CallSubject(bench.Queue, Priority.Normal, Bench.Echo), [], null, (EnvelopeCodec.HeaderName, EnvelopeCodec.Encode(call)));
        await bench.HoldsAsync(bench.Dead, 1);
        await bench.IsEmptyAsync();

        Assert.Empty(bench.Sends);
    }

    [Fact]
    public async Task An_entry_that_is_null_in_a_list_is_foreign_before_anything_is_sent()
    {
        await using var bench = await Bench.StartAsync(server: nats.Server);
        var call = EnvelopeCodec.Encode(Bench.Call());
        var record = new CallbackRecord { Status = 200, Since = TimeProvider.System.GetUtcNow() }.Encode();
        string[] lists = ["\"pastAttempts\":[null]", "\"tags\":[\"a\",null]"];

        foreach (var list in lists)
        {
            foreach (var kind in new[] { "call", "aside" })
            {
                await bench.PublishAsync(PlaceOf(bench, kind).Subject, [], null, (EnvelopeCodec.HeaderName, $"{call[..^1]},{list}}}"));
            }
        }

        await bench.PublishAsync(
            PlaceOf(bench, "callback").Subject, [], null, (EnvelopeCodec.HeaderName, EnvelopeCodec.Encode(Bench.Call() with { Callback = bench.Http.Url.AbsoluteUri })), (CallbackRecord.HeaderName, $"{record[..^1]},\"posts\":[null]}}"));
        await bench.HoldsAsync(bench.Dead, 5);
        await bench.IsEmptyAsync();

        Assert.All(await bench.ReadAsync(bench.Dead), letter => Assert.Equal(DeadReasons.Foreign, letter.Biography.Reason));
        Assert.Empty(bench.Http.Requests);
    }

    [Theory]
    [InlineData("call")]
    [InlineData("aside")]
    [InlineData("callback")]
    public async Task A_newer_envelope_is_given_back_and_never_given_up_whatever_its_shape(string kind)
    {
        await using var bench = await Bench.StartAsync(server: nats.Server);
        var (stream, subject) = PlaceOf(bench, kind);

        foreach (var envelope in Newer)
        {
            await bench.PublishAsync(subject, Encoding.UTF8.GetBytes("new"), null, (EnvelopeCodec.HeaderName, envelope));
        }

        await Eventually.HoldsAsync(
            async () => await bench.Worker.MetricAsync($"queue_worker_newer_envelopes_total{{queue_name=\"{bench.Queue}\"}}") >= Newer.Length,
            () => $"all were given back; the worker wrote:\n{bench.Worker.Process.Tail()}");

        Assert.Equal(Newer.Length, await bench.CountAsync(stream));
        Assert.Equal(0, await bench.CountAsync(bench.Dead));
        Assert.Empty(bench.Http.Requests);
    }

    // The newer worker would take so many deliveries for as many workers that the message took down. Calls put aside are looked for every few seconds only.
    [Theory]
    [InlineData("call", 20)]
    [InlineData("callback", 20)]
    [InlineData("aside", 5)]
    public async Task A_newer_message_is_nakked_any_number_of_times_and_delivered_no_more_than_three(string kind, int naks)
    {
        await using var bench = await Bench.StartAsync(server: nats.Server);
        var (stream, subject) = PlaceOf(bench, kind);
        await using var words = await bench.Connection.SubscribeCoreAsync<string>($"$JS.ACK.{stream}.>");
        await bench.Connection.PingAsync();
        await bench.PublishAsync(subject, [1, 0, 2], "its-id", (EnvelopeCodec.HeaderName, Newer[2]), ("Other", "kept"));

        var counts = new List<int>();
        while (counts.Count < naks)
        {
            var word = await words.Msgs.ReadAsync().AsTask().WaitAsync(Eventually.Patience);
            if (word.Data!.StartsWith("-NAK {", StringComparison.Ordinal))
            {
                counts.Add(int.Parse(word.Subject.Split('.')[4], CultureInfo.InvariantCulture));

                // A worker's wait for half a minute: one without has the message come again at once.
                if (counts.Count < naks)
                {
                    await bench.Connection.PublishAsync(word.Subject, "-NAK");
                }
            }
        }

        Assert.All(counts, count => Assert.InRange(count, 1, 2));
        var left = Assert.Single(await bench.ReadAsync(stream));
        Assert.Equal((subject, Newer[2], "kept"), (left.Subject, left.Header(EnvelopeCodec.HeaderName), left.Header("Other")));
        Assert.Equal([1, 0, 2], left.Body);
        Assert.Equal(0, await bench.CountAsync(bench.Dead));
        Assert.Empty(bench.Http.Requests);
    }

    private static (string Stream, string Subject) PlaceOf(Bench bench, string kind) => kind switch
    {
        "call" => (bench.Calls, StreamNames.CallSubject(bench.Queue, Priority.Normal, Bench.Echo)),
        "aside" => (bench.Aside, StreamNames.AsideSubject(bench.Queue, AsideGroup.At(TimeProvider.System.GetUtcNow()), Priority.Normal, Bench.Echo)),
        _ => (bench.Callbacks, StreamNames.CallbackSubject(bench.Queue, Bench.Echo)),
    };
}
