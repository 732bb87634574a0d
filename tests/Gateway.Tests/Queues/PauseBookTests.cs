using System.Globalization;
using Connectors.Gateway.Queues;
using Connectors.Sdk.Hosting;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using Connectors.Testing;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using NATS.Client.JetStream.Models;

namespace Connectors.Gateway.Tests.Queues;

/// <summary>What the gateway knows to be paused, held against what the bucket says of itself.</summary>
public sealed class PauseBookTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 2, 12, 0, 0, TimeSpan.Zero);

    // As it is a day after the last thing that was resumed.
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task Nobody_waits_for_the_watch_to_tell_of_what_is_not_there_any_more_though_it_was_written_last(int paused)
    {
        var ct = TestContext.Current.CancellationToken;
        await using var server = await NatsServer.StartAsync();
        var settings = new Dictionary<string, string> { ["faas_nats_address"] = "127.0.0.1", ["faas_nats_port"] = server.Port.ToString(CultureInfo.InvariantCulture) };
        var options = GatewayOptions.Read(new Settings(settings)).Queue;
        await using var link = new NatsLink(options.Nats, new NatsRole("test", IsNeeded: false, () => { }), new Readiness(), TimeProvider.System, NullLoggerFactory.Instance);
        await link.StartAsync(ct);
        await link.OpenAsync(Eventually.Patience, ct);
        var bucket = new Bucket(link, BucketShape.Paused(options.Limits), Eventually.Patience, TimeProvider.System);
        for (var i = 0; i <= paused; i++)
        {
            await bucket.PutAsync(Pause.Key($"q{i}", null), new Pause { At = Now }.Encode(), ct);
        }

        var last = Pause.Key($"q{paused}", null);
        await bucket.DeleteAsync(last, ct);
        await link.JetStream.PurgeStreamAsync(
            StreamNames.BucketStream(StreamNames.Paused), new StreamPurgeRequest { Filter = StreamNames.BucketSubject(StreamNames.Paused, last) }, ct);

        // By its clock, which stands still, no time to wait is ever over.
        var book = new PauseBook(link, options, new FakeTimeProvider(Now), NullLogger<PauseBook>.Instance);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var watching = book.RunAsync(end.Token);

        Assert.Equal(paused, (await book.ReadAsync(ct).WaitAsync(Eventually.Patience, ct)).All.Count());
        await end.CancelAsync();
        await watching;
    }

    [Theory]
    [InlineData(4, true)]
    [InlineData(3, true)]
    [InlineData(2, false)]
    [InlineData(5, false)]
    public void A_bucket_may_have_less_than_was_told_by_what_was_deleted_long_ago(long keys, bool fits)
    {
        var told = Of("a", null).With(Entry("b", null)).With(Entry("young", Now.AddHours(-1))).With(Entry("old", Now.AddHours(-25)));

        Assert.Equal(fits, told.Fit(keys, since: Now.AddHours(-23)));
    }

    [Fact]
    public void What_was_deleted_and_written_again_is_there_and_not_too_much_of_what_is_gone_is_remembered()
    {
        var told = Of("a", Now.AddHours(-25)).With(Entry("a", null));
        Assert.False(told.Fit(0, Now.AddHours(-23)));
        Assert.True(told.Fit(1, Now.AddHours(-23)));

        for (var i = 0; i < 1_000; i++)
        {
            told = told.With(Entry($"gone{i}", Now.AddHours(-25)));
        }

        Assert.True(told.Fit(1, Now.AddHours(-23)));
        told = told.With(Entry("gone", Now.AddHours(-25))).With(Entry("gone too", Now.AddHours(-25)));
        Assert.False(told.Fit(1, Now.AddHours(-23)));
    }

    private static ToldKeys Of(string key, DateTimeOffset? deleted) => ToldKeys.None.With(Entry(key, deleted));

    private static BucketEntry Entry(string key, DateTimeOffset? deleted) => new(key, deleted is null ? [1] : null, 1, deleted ?? Now);
}
