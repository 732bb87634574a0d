using Connectors.QueueWorker.Dispatching;
using Connectors.Sdk.Hosting;
using Connectors.Streams.Records;
using NATS.Client.Core;

namespace Connectors.QueueWorker.Tests;

/// <summary>How much of an answer is kept until its call has ended: as much as can be told or stored of it.</summary>
public sealed class KeptAnswerTests(SharedNats nats) : IClassFixture<SharedNats>
{
    private const int MaxPayload = 1 << 20;
    private const int MaxResult = 16 << 20;

    private static readonly byte[] Answer = [.. Enumerable.Range(0, 1_500_000).Select(i => (byte)i)];

    [Theory]
    [InlineData(false, false, false, MaxResult, 0)]
    [InlineData(true, false, false, MaxResult, MaxResult)]
    [InlineData(true, true, false, MaxResult, MaxResult)]
    [InlineData(false, false, true, MaxResult, MaxResult)]
    [InlineData(false, true, false, MaxResult, MaxPayload)]
    [InlineData(false, true, false, 1000, 1000)]
    public void Without_a_callback_no_more_is_kept_than_a_message_holds(bool callback, bool result, bool debug, int limit, int kept)
    {
        var options = DispatchOptions.Read(new Settings(new Dictionary<string, string> { ["max_result_bytes"] = $"{limit}", ["write_debug"] = debug ? "true" : "false" }));
        var call = Bench.Call() with { Callback = callback ? "http://receiver/" : null, StoreResult = result ? TimeSpan.FromMinutes(1) : null };

        Assert.Equal(kept, CallRequest.From(call, default, options, MaxPayload, null).KeepBytes);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_answer_that_no_message_holds_is_told_in_full_and_stored_as_too_large_whether_or_not_it_says_its_length(bool says)
    {
        await using var bench = await Bench.StartAsync(
            async (request, http) =>
            {
                if (request.Path.StartsWith("/function/", StringComparison.Ordinal))
                {
                    http.Response.ContentLength = says ? Answer.Length : null;
                    await http.Response.Body.WriteAsync(Answer);
                }
            },
            server: nats.Server);
        var results = await bench.ResultsAsync();
        var told = await bench.EnqueueAsync(Bench.Call() with { StoreResult = TimeSpan.FromMinutes(10), Callback = bench.CallbackUrl.ToString() });
        var stored = await bench.EnqueueAsync(Bench.Call() with { StoreResult = TimeSpan.FromMinutes(10) });
        await bench.IsEmptyAsync();

        Assert.Equal(Answer, Assert.Single(bench.Posts).Body);
        foreach (var call in new[] { told, stored })
        {
            var entry = await results.GetEntryAsync(StreamNames.Token(call.CallId), serializer: NatsRawSerializer<byte[]>.Default);
            var record = StoredResult.TryDecode(entry.Value, out var body);
            Assert.Equal((StoredResult.Succeeded, 200, true, 0), (record!.State, record.Status, record.IsDropped, body.Length));
        }
    }

    [Fact]
    public async Task An_answer_that_says_it_is_over_the_limit_is_told_without_its_body()
    {
        await using var bench = await Bench.StartAsync(
            async (request, http) =>
            {
                if (request.Path.StartsWith("/function/", StringComparison.Ordinal))
                {
                    http.Response.ContentLength = 2000;
                    await http.Response.Body.WriteAsync(new byte[2000]);
                }
            },
            new() { ["max_result_bytes"] = "1999" },
            nats.Server);

        await bench.EnqueueAsync(Bench.Call() with { Callback = bench.CallbackUrl.ToString() });
        await bench.IsEmptyAsync();

        var post = Assert.Single(bench.Posts);
        Assert.Equal(("200", "size", 0), (post.Header("X-Function-Status"), post.Header("X-Result-Dropped"), post.Body.Length));
    }
}
