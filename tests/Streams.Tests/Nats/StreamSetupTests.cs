using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using Connectors.Testing;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Connectors.Streams.Tests.Nats;

public sealed class StreamSetupTests : OwnServerTests
{
    private readonly Lines _lines = new();
    private readonly FakeTimeProvider _time = new();
    private StreamSetup _setup = null!;

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        _setup = new StreamSetup(Link, _time, _lines.CreateLogger<StreamSetup>());
    }

    // More than a server tells of in one answer; what is held lies behind the times of all that is delayed.
    [Fact]
    public async Task All_subjects_of_a_stream_are_told_of_however_many()
    {
        const int Many = 100_050;
        await Link.JetStream.CreateStreamAsync(new StreamConfig("MANY", ["many.>"]) { Storage = StreamConfigStorage.Memory, NoAck = true }, Ct);
        for (var i = 0; i < Many; i++)
        {
            await Link.Connection.PublishAsync($"many.{i}", cancellationToken: Ct);
        }

        await Eventually.HoldsAsync(async () => (await Link.JetStream.GetStreamAsync("MANY", cancellationToken: Ct)).Info.State.Messages == Many, "all are stored");

        // An answer takes long on a busy machine, and may come too late.
        var found = await Eventually.GetAsync<StreamInfo>(async () => await Link.WithSubjectsAsync("MANY", ">", Ct), "all are told of");

        Assert.Equal(Many, found.State.Subjects!.Count);
        Assert.Equal(Many, found.State.Subjects.Values.Sum());

        // In the order of names: many.99999 is behind the first page, many.10 is in it.
        var (first, all, requests) = (found, found, 0);
        await Eventually.HoldsAsync(
            async () =>
            {
                await using var asked = await Link.Connection.SubscribeCoreAsync<string>("$JS.API.STREAM.INFO.MANY", cancellationToken: Ct);
                await Link.Connection.PingAsync(Ct);
                first = await Link.WithSubjectsAsync("MANY", ">", subject => string.CompareOrdinal(subject, "many.10") > 0, Ct);
                all = await Link.WithSubjectsAsync("MANY", ">", subject => string.CompareOrdinal(subject, "many.99999") >= 0, Ct);
                await Link.Connection.PingAsync(Ct);
                requests = await CountAsync(asked, 3);
                return true;
            },
            "both are told of");

        Assert.Contains("many.10", first.State.Subjects!.Keys);
        Assert.DoesNotContain("many.99999", first.State.Subjects.Keys);
        Assert.Contains("many.99999", all.State.Subjects!.Keys);
        Assert.Equal(3, requests);
    }

    // Both services: one that looks at it once, and one that brings it in line.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task How_durable_a_stream_is_is_told_of_what_was_found_and_another_storage_is_named(bool once)
    {
        var wanted = StreamShape.Calls("q", new StreamLimits());
        await Link.JetStream.CreateStreamAsync(StreamSetup.ConfigOf(wanted with { Storage = StreamStorage.Memory }), Ct);

        for (var look = 0; look < 2; look++)
        {
            await (once ? _setup.EnsureOnceAsync(wanted, isMissing: true, Ct) : _setup.EnsureAsync(wanted, isFirst: look == 0, Ct));
        }

        var told = Assert.Single(_lines.All, line => line.Contains("Calls are stored", StringComparison.Ordinal));
        Assert.Contains("OF_q in one server's memory", told, StringComparison.Ordinal);
        var warning = Assert.Single(_lines.Warnings);
        Assert.Contains("nats_stream_storage", warning, StringComparison.Ordinal);
        Assert.Contains("OF_q Memory File", warning, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_limit_stays_until_0_lifts_it_and_is_lifted_once()
    {
        var shape = StreamShape.Calls("q", new StreamLimits { MaxBytes = 1_000_000, MaxMessages = 5 });
        await _setup.EnsureAsync(shape, isFirst: true, Ct);
        var left = await _setup.EnsureAsync(StreamShape.Calls("q", new StreamLimits()), isFirst: true, Ct);
        var none = StreamShape.Calls("q", new StreamLimits { MaxBytes = 0, MaxMessages = 0 });
        var lifted = await _setup.EnsureAsync(none, isFirst: true, Ct);
        await _setup.EnsureAsync(none, isFirst: true, Ct);

        Assert.Equal((1_000_000L, 5L), (left.Config.MaxBytes, left.Config.MaxMsgs));
        Assert.Equal((-1L, -1L), (lifted.Config.MaxBytes, lifted.Config.MaxMsgs));
        Assert.Single(_lines.All, line => line.Contains("brought in line", StringComparison.Ordinal));
    }

    // A server before 2.15 gives a stream that names no number as many as it needs; an account may have fewer for each stream, and refuses more.
    [Theory]
    [InlineData(null, null, 100_000)]
    [InlineData(0, null, 100_000)]
    [InlineData(5, null, 5)]
    [InlineData(null, 1_500, -1)]
    [InlineData(0, 1_500, -1)]
    public async Task A_stream_may_have_a_consumer_for_each_function_unless_an_operator_says_otherwise(int? found, int? account, int expected)
    {
        var shape = StreamShape.All("q", new StreamLimits())[0];
        await using var server = await NatsServer.StartAsync(
            account is { } most ? $"accounts {{ A {{ jetstream {{ max_consumers: {most} }}, users [ {{ user: a, password: a }} ] }} }}\nno_auth_user: a" : "");
        await using var link = await TestLink.OpenAsync(server);
        var setup = new StreamSetup(link.Link, _time, _lines.CreateLogger<StreamSetup>());
        if (found is { } there)
        {
            await link.Link.JetStream.CreateStreamAsync(StreamSetup.ConfigOf(shape) with { MaxConsumers = there }, Ct);
        }

        await setup.EnsureAsync(shape, isFirst: true, Ct);

        var isOld = !NatsServerVersion.LimitsConsumers(link.Link.ServerVersion);
        Assert.Equal(isOld && found is not 5 ? -1 : expected, (await link.Link.JetStream.GetStreamAsync(shape.Name, cancellationToken: Ct)).Info.Config.MaxConsumers);
        Assert.Empty(_lines.Warnings);
    }

    [Fact]
    public async Task A_stream_that_this_user_may_not_change_is_used_as_it_is()
    {
        await using var server = await NatsServer.StartAsync("""
            authorization { default_permissions { publish { deny: ["$JS.API.STREAM.UPDATE.OF_q"] } }, users [ { user: u, password: p } ] }
            no_auth_user: u
            """);
        await using var link = await TestLink.OpenAsync(server);
        var shape = StreamShape.All("q", new StreamLimits())[0];
        await link.Link.JetStream.CreateStreamAsync(StreamSetup.ConfigOf(shape), Ct);

        var found = await new StreamSetup(link.Link, _time, _lines.CreateLogger<StreamSetup>()).EnsureAsync(shape, isFirst: true, Ct);

        Assert.Equal(-1, found.Config.MaxConsumers);
        Assert.Empty(_lines.Warnings);
    }

    // Of services whose options differ, whoever makes a stream anew is not the only one whose options count from then on. What is changed since is left.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_stream_that_another_service_made_anew_is_brought_in_line_once(bool once)
    {
        var (minutes, changed) = (TimeSpan.FromMinutes(10), TimeSpan.FromMinutes(3));
        var (mine, others) = (StreamShape.Calls("q", new StreamLimits { DuplicateWindow = minutes, MaxMessages = 5 }), StreamShape.Calls("q", new StreamLimits()));
        await LookAsync(isFirst: true);
        await Link.JetStream.DeleteStreamAsync(mine.Name, Ct);
        await Link.JetStream.CreateStreamAsync(StreamSetup.ConfigOf(others), Ct);

        await LookAsync(isFirst: false);
        Assert.Equal((minutes, 5L), await FoundAsync());

        var found = (await Link.JetStream.GetStreamAsync(mine.Name, cancellationToken: Ct)).Info.Config;
        await Link.JetStream.UpdateStreamAsync(found with { DuplicateWindow = changed }, Ct);
        await LookAsync(isFirst: false);
        Assert.Equal((changed, 5L), await FoundAsync());

        // One writes to it, and is told by whoever looks at all streams; the other looks itself.
        async Task LookAsync(bool isFirst)
        {
            if (!once)
            {
                await _setup.EnsureAsync(mine, isFirst, Ct);
                return;
            }

            if (!isFirst)
            {
                _setup.Saw(mine.Name, (await Link.JetStream.GetStreamAsync(mine.Name, cancellationToken: Ct)).Info.Created);
            }

            await _setup.EnsureOnceAsync(mine, isMissing: false, Ct);
        }

        async Task<(TimeSpan, long)> FoundAsync()
        {
            var config = (await Link.JetStream.GetStreamAsync(mine.Name, cancellationToken: Ct)).Info.Config;
            return (config.DuplicateWindow, config.MaxMsgs);
        }
    }

    // Nobody who has calls to take waits for a change that the server does not make.
    [Fact]
    public async Task A_stream_that_cannot_be_brought_in_line_is_used_as_it_is_which_is_said_once_and_tried_again_each_minute()
    {
        var (small, large, minute) = (TimeSpan.FromSeconds(30), TimeSpan.FromMinutes(10), TimeSpan.FromMinutes(1));
        var wanted = StreamShape.Calls("q", new StreamLimits { DuplicateWindow = large });

        // The server remembers ids no longer than messages.
        var there = StreamSetup.ConfigOf(wanted) with { DuplicateWindow = small, MaxAge = minute };
        await Link.JetStream.CreateStreamAsync(there, Ct);
        Assert.Equal(small, await EnsureAsync(isFirst: true));
        Assert.Equal(small, await EnsureAsync(isFirst: true));
        _time.Advance(minute);
        Assert.Equal(small, await EnsureAsync(isFirst: false));
        Assert.Single(_lines.Warnings, line => line.Contains("used as it is", StringComparison.Ordinal));

        await Link.JetStream.UpdateStreamAsync(there with { MaxAge = TimeSpan.Zero }, Ct);
        Assert.Equal(small, await EnsureAsync(isFirst: false));
        _time.Advance(minute);
        Assert.Equal(large, await EnsureAsync(isFirst: false));
        Assert.Single(_lines.All, line => line.Contains("brought in line with", StringComparison.Ordinal) && !line.Contains("cannot", StringComparison.Ordinal));

        async Task<TimeSpan> EnsureAsync(bool isFirst) => (await _setup.EnsureAsync(wanted, isFirst, Ct)).Config.DuplicateWindow;
    }

    // Requests that were heard, at least so many.
    private static async Task<int> CountAsync(INatsSub<string> heard, int atLeast)
    {
        var count = 0;
        for (; count < atLeast; count++)
        {
            await heard.Msgs.ReadAsync(Ct);
        }

        while (heard.Msgs.TryRead(out _))
        {
            count++;
        }

        return count;
    }
}
