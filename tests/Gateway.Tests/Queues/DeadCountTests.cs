using System.Globalization;
using System.Text;
using Connectors.Gateway.Queues;
using Connectors.Sdk.Hosting;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Connectors.Gateway.Tests.Queues;

/// <summary>Counting and deleting where there are more letters than a caller waits for, by a clock that is set forward in the middle.</summary>
public sealed class DeadCountTests : IAsyncLifetime
{
    private const string Queue = "many";

    // More than two batches of what is read at once.
    private const int Letters = 300;

    private static readonly DeadFilter Exhausted = new(null, DeadReasons.Exhausted, null, null, null);

    private readonly FakeTimeProvider _clock = new();
    private NatsServer _nats = null!; // set before each test
    private NatsProxy _proxy = null!;
    private StoredCalls _stored = null!;
    private DeadLetterSeed _seed = null!;
    private NatsLink _link = null!;
    private GatewayOptions _options = null!;
    private DeadLetters _letters = null!;

    public async ValueTask InitializeAsync()
    {
        _nats = await NatsServer.StartAsync();
        _proxy = new NatsProxy(_nats.Port);
        _stored = new StoredCalls(_nats);
        _seed = await new DeadLetterSeed(_stored.JetStream, Queue).CreateAsync();
        await _seed.DeadAsync(Letters, i => DeadLetterSeed.Call(i % 3 == 0 ? "one" : "two"));
        _options = GatewayOptions.Read(new Settings(new Dictionary<string, string>
        {
            ["faas_nats_address"] = "127.0.0.1",
            ["faas_nats_port"] = _proxy.Port.ToString(CultureInfo.InvariantCulture),
        }));
        _link = new NatsLink(_options.Queue.Nats, new NatsRole("test", IsNeeded: false, () => { }), new Readiness(), TimeProvider.System, NullLoggerFactory.Instance);
        await _link.StartAsync(TestContext.Current.CancellationToken);
        await _link.OpenAsync(Eventually.Patience, TestContext.Current.CancellationToken);
        _letters = new DeadLetters(_link, _clock);
    }

    public async ValueTask DisposeAsync()
    {
        await _link.StopAsync(CancellationToken.None);
        await _link.DisposeAsync();
        await _stored.DisposeAsync();
        await _proxy.DisposeAsync();
        await _nats.DisposeAsync();
    }

    [Fact]
    public async Task A_count_that_takes_too_long_ends_and_says_that_there_may_be_more()
    {
        var held = HoldSecondBatch();

        var counting = CountAsync(Exhausted);
        await held.Reached;
        _clock.Advance(DeadLetters.MaxSearch);
        var (count, isComplete) = await counting;
        held.Release();

        Assert.False(isComplete);
        Assert.InRange(count, 1, Letters - 1);
        Assert.Equal((Letters, true), await CountAsync(Exhausted));
    }

    [Fact]
    public async Task Those_of_a_function_are_counted_by_the_server_and_none_is_read()
    {
        await using var reads = await _stored.ListenAsync($"$JS.API.CONSUMER.CREATE.{StreamNames.Dead(Queue)}.>");

        Assert.Equal((Letters, true), await CountAsync(new DeadFilter(null, null, null, null, null)));
        Assert.Equal((Letters / 3, true), await CountAsync(new DeadFilter(new("one", "openfaas-fn"), null, null, null, null)));
        Assert.Equal((Letters - (Letters / 3), true), await CountAsync(Exhausted with { Function = new("two", "openfaas-fn") }));

        Assert.EndsWith(".two", (await reads.Msgs.ReadAsync(TestContext.Current.CancellationToken)).Subject, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_part_of_a_deletion_ends_in_time_and_says_where_the_next_begins()
    {
        var held = HoldSecondBatch();

        var deleting = DeleteAsync("?reason=failed&limit=10");
        await held.Reached;
        _clock.Advance(DeadLetters.MaxSearch);
        held.Release();
        var first = await deleting;
        var rest = await DeleteAsync($"?reason=failed&limit=10&after={first["next"]}");

        Assert.Equal(0, (int)first["deleted"]!);
        Assert.InRange((int)first["next"]!, 1, Letters - 1);
        Assert.Equal("""{"deleted":0}""", rest.ToJsonString());
        Assert.Equal(Letters, await _seed.CountAsync(StreamNames.Dead(Queue)));
    }

    private Held HoldSecondBatch() => _proxy.Hold($"$JS.API.CONSUMER.CREATE.{StreamNames.Dead(Queue)}.", passing: 1);

    private async Task<(int Count, bool IsComplete)> CountAsync(DeadFilter filter)
    {
        var (count, isComplete) = await _letters.CountAsync(Queue, filter, Letters, TestContext.Current.CancellationToken);
        return ((int)count, isComplete);
    }

    private async Task<System.Text.Json.Nodes.JsonNode> DeleteAsync(string query)
    {
        // Neither what redrives nor what looks at queues is asked.
        var endpoints = new DeadLetterEndpoints(_letters, null!, null!, _options, _clock, NullLogger<DeadLetterEndpoints>.Instance);
        using var body = new MemoryStream();
        var http = new DefaultHttpContext { Request = { QueryString = new QueryString(query) }, Response = { Body = body } };
        await endpoints.DeleteManyAsync(http, Queue);
        return System.Text.Json.Nodes.JsonNode.Parse(Encoding.UTF8.GetString(body.ToArray()))!;
    }
}
