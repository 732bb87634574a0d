using System.Collections.Concurrent;
using Connectors.Sdk.Events;
using Connectors.Sdk.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Connectors.Testing;

/// <summary>
/// What every event source promises, tried on the whole connector with a real gateway on the other side. A source's tests inherit it and say how to
/// register the connector and how to make events happen.
/// </summary>
public abstract class EventSourceContract : IAsyncLifetime
{
    /// <summary>The gateway that the connector under test calls.</summary>
    protected GatewayServer Gateway { get; private set; } = null!; // set before each test

    /// <summary>The topic of the events.</summary>
    protected abstract string Topic { get; }

    /// <summary>The annotations, beside <c>topic</c>, of the function that gets the events.</summary>
    protected virtual string[] Annotations => [];

    /// <summary>Adds the connector under test as its executable does.</summary>
    protected abstract void Register(WebApplicationBuilder builder, ConnectorOptions options);

    /// <summary>Makes an event happen. Returns its id, as the function sees it in <c>Idempotency-Key</c>.</summary>
    /// <param name="key">Events of one key have an order, if the source knows any.</param>
    /// <param name="body">The event's body, if the source has one to carry.</param>
    protected abstract Task<string> HappenAsync(string key, byte[] body);

    /// <summary>Makes something happen that is no event, or a broken one; by default an event of bytes that are no text.</summary>
    protected virtual Task HappenBrokenAsync() => HappenAsync("broken\u0001\r\nX-Injected: 1", [0, 0xff, 0xfe, 0x0d, 0x0a]);

    /// <inheritdoc/>
    public virtual async ValueTask InitializeAsync() => Gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(Topic, "receiver", Annotations));

    /// <inheritdoc/>
    public virtual async ValueTask DisposeAsync()
    {
        await Gateway.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    /// <summary>Starts the connector under test.</summary>
    protected Task<RunningConnector> StartAsync(Func<ConnectorOptions, ConnectorOptions>? with = null, TimeSpan? gracePeriod = null)
    {
        var options = RunningConnector.Options(Gateway.Url);
        return RunningConnector.StartAsync(builder => Register(builder, with?.Invoke(options) ?? options), gracePeriod);
    }

    /// <summary>The check behind the fact that a source with an order adds: its events of one key are first delivered as they happened, even when some fail.</summary>
    protected async Task CheckOrderAsync()
    {
        await using var connector = await StartAsync();
        var calls = 0;
        Gateway.Answer = (_, http) =>
        {
            http.Response.StatusCode = Interlocked.Increment(ref calls) % 4 == 2 ? StatusCodes.Status503ServiceUnavailable : http.Response.StatusCode;
            return Task.CompletedTask;
        };

        var ids = await HappenAsync(12);

        await ReceivesAsync(ids);
        Assert.Equal(ids, Received(ids).Distinct());
    }

    /// <summary>
    /// The check behind the fact that a source adds which keeps what no function wants: neither what happens before there is one, nor what it fails before
    /// it goes, is lost to the next.
    /// </summary>
    protected async Task CheckUnwantedStaysAsync()
    {
        var wanting = Gateway.Functions;
        Gateway.Functions = [];
        await using var connector = await StartAsync();
        var ids = await HappenAsync(3);
        await IsUnwantedForAWhileAsync();
        Gateway.Functions = wanting;
        await ReceivesAsync(ids);

        Gateway.Answer = (_, http) =>
        {
            http.Response.StatusCode = StatusCodes.Status500InternalServerError;
            return Task.CompletedTask;
        };
        var failing = await HappenAsync("key", "x"u8.ToArray());
        await Gateway.ReceivesAsync(1, call => Id(call) == failing);
        Gateway.Functions = [];
        await IsUnwantedForAWhileAsync();
        var taken = new ConcurrentQueue<string>();
        Gateway.Answer = (request, _) =>
        {
            taken.Enqueue(Id(request));
            return Task.CompletedTask;
        };
        Gateway.Functions = wanting;
        await Eventually.HoldsAsync(() => taken.Contains(failing), "what no function wanted for a while is taken by the next");

        // So many looks that a source which reads all the same has read, and one that runs again has run.
        async Task IsUnwantedForAWhileAsync()
        {
            for (var i = 0; i < 5; i++)
            {
                await Gateway.IsPolledAsync();
            }
        }
    }

    [Fact]
    public async Task Every_event_is_delivered_once_with_its_topic_and_id()
    {
        await using var connector = await StartAsync();

        var ids = await HappenAsync(10);

        await ReceivesAsync(ids);
        await connector.StopAsync();
        Assert.Equal(ids.Order(), Received(ids).Order());
        Assert.All(Gateway.Calls, call => Assert.Equal(Topic, call.Header("X-Topic")));
        Assert.All(Gateway.Calls, call => Assert.Equal("test-connector", call.Header("X-Connector")));
        Assert.All(Gateway.Calls, call => Assert.NotNull(call.CallId));
    }

    [Fact]
    public async Task An_event_that_fails_comes_again_and_holds_up_nothing_of_other_keys()
    {
        string? failing = null;
        var isMended = false;
        var taken = new ConcurrentQueue<string>();
        Gateway.Answer = (request, http) =>
        {
            // Until it is known which event is to fail, all do.
            var id = Id(request);
            if (!Volatile.Read(ref isMended) && Volatile.Read(ref failing) is var chosen && (chosen is null || chosen == id))
            {
                http.Response.StatusCode = StatusCodes.Status500InternalServerError;
            }
            else
            {
                taken.Enqueue(id);
            }

            return Task.CompletedTask;
        };

        // Where a key goes on by itself, what comes behind the failing event waits in slots: they must last for as long as a slow machine takes.
        await using var connector = await StartAsync(options => options with { MaxInflight = 100 });

        var first = await HappenAsync("first", "x"u8.ToArray());
        Volatile.Write(ref failing, first);
        await Gateway.ReceivesAsync(1, call => Id(call) == first);
        var others = new[] { await HappenAsync("other", "y"u8.ToArray()), await HappenAsync("other", "z"u8.ToArray()) };
        await ReceivesAsync(others);
        await Gateway.ReceivesAsync(2, call => Id(call) == first);
        Volatile.Write(ref isMended, true);

        await Eventually.HoldsAsync(() => taken.Contains(first), "the failed event is taken in the end");
    }

    [Fact]
    public async Task Stopped_while_busy_it_finishes_what_runs_takes_no_more_and_leaves_the_rest()
    {
        var release = new TaskCompletionSource();
        Gateway.Answer = (_, _) => release.Task;
        var ids = new List<string>();
        await using (var connector = await StartAsync(options => options with { MaxInflight = 2 }))
        {
            ids.AddRange(await HappenAsync(6));
            await Gateway.ReceivesAsync(1);
            await DrawsNoMoreAsync(connector);
            var stopping = connector.StopAsync();
            var begun = Gateway.Calls.Count;
            Assert.False(stopping.IsCompleted);

            // What listens to the outside is stopped before the pump: until that drains, a slot that came free is used again.
            await connector.SaysAsync("Draining");
            release.SetResult();
            await stopping;

            Assert.InRange(Gateway.Calls.Count, begun, 2);
        }

        Gateway.Answer = (_, _) => Task.CompletedTask;
        await using var next = await StartAsync();
        await ReceivesAsync(ids);
        await next.StopAsync();
        Assert.Equal(ids.Order(), Received(ids).Order());
    }

    [Fact]
    public async Task What_outlasts_the_grace_period_is_given_back_and_delivered_again()
    {
        Gateway.Answer = (_, http) => Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, http.RequestAborted);
        string running;
        await using (var connector = await StartAsync(gracePeriod: TimeSpan.FromMilliseconds(100)))
        {
            await HappenAsync("key", "x"u8.ToArray());
            await Gateway.ReceivesAsync(1);
            running = Id(Gateway.Calls[0]);
            await connector.StopAsync();
        }

        await Eventually.HoldsAsync(() => Gateway.Running == 0, "the call was cut");
        Gateway.Answer = (_, _) => Task.CompletedTask;
        await using var next = await StartAsync();
        await Gateway.ReceivesAsync(2, call => Id(call) == running);
    }

    [Fact]
    public async Task A_gateway_away_for_a_while_costs_no_event()
    {
        await using var connector = await StartAsync();
        var ids = new List<string>();
        ids.AddRange(await HappenAsync(2));
        await ReceivesAsync(ids);

        await Gateway.StopAsync();
        ids.AddRange(await HappenAsync(3));
        await Gateway.StartAgainAsync();

        await ReceivesAsync(ids);
    }

    [Fact]
    public async Task Something_broken_disturbs_neither_the_connector_nor_other_events()
    {
        await using var connector = await StartAsync();

        await HappenBrokenAsync();
        var ids = await HappenAsync(3);

        await ReceivesAsync(ids);
        Assert.DoesNotContain(Gateway.Calls, call => call.Header("X-Injected") is not null);
        Assert.All(Gateway.Calls.SelectMany(call => call.Headers), header => Assert.True(IsReadable(header), $"{header.Key}: {header.Value}"));
        using var http = new HttpClient(new SocketsHttpHandler());
        Assert.True((await http.GetAsync(new Uri(connector.Metrics, "/healthz"))).IsSuccessStatusCode);
    }

    // What every server and language reads as it was meant: a token, and printable ASCII.
    private static bool IsReadable(KeyValuePair<string, string> header) =>
        header.Key.All(c => char.IsAsciiLetterOrDigit(c) || "!#$%&'*+-.^_`|~".Contains(c, StringComparison.Ordinal)) && header.Value.All(c => c is >= ' ' and <= '~');

    /// <summary>The event's id in a request.</summary>
    protected static string Id(RecordedRequest request) => request.Header("Idempotency-Key") ?? "";

    private async Task<List<string>> HappenAsync(int count)
    {
        var ids = new List<string>();
        for (var i = 0; i < count; i++)
        {
            ids.Add(await HappenAsync("key", System.Text.Encoding.UTF8.GetBytes($"event {i}")));
        }

        return ids;
    }

    // What draws events may be between two of them, and would then draw on while the process stops. It waits once all slots are taken; with a source that
    // gives out one event of a key at a time they never are, and it waits for that source soon after.
    private static async Task DrawsNoMoreAsync(RunningConnector connector)
    {
        var (slots, begun) = (connector.Services.GetRequiredService<Slots>(), TimeProvider.System.GetTimestamp());
        await Eventually.HoldsAsync(() => slots.Free <= 0 || TimeProvider.System.GetElapsedTime(begun) > TimeSpan.FromSeconds(1), "all slots are taken, or a while is over");
    }

    private Task ReceivesAsync(IReadOnlyCollection<string> ids) => Eventually.HoldsAsync(
        () => !ids.Except(Gateway.Calls.Select(Id)).Any(),
        $"all events arrive; missing {string.Join(", ", ids.Except(Gateway.Calls.Select(Id)))}");

    private IEnumerable<string> Received(IReadOnlyCollection<string> ids) => Gateway.Calls.Select(Id).Where(ids.Contains);
}
