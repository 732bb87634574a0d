using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using Connectors.Testing;

namespace Connectors.Gateway.Tests;

/// <summary>R1 of docs/delivery-states.md: what a 202 and its absence mean while parts die.</summary>
public sealed class NatsAwayTests
{
    private const int Callers = 8;

    [Fact]
    public async Task NATS_may_come_after_the_gateway()
    {
        var port = FreePort.Next();
        await using var gateway = await TestGateway.StartAsync(
            null, ("faas_nats_address", "127.0.0.1"), ("faas_nats_port", port.ToString(CultureInfo.InvariantCulture)), ("nats_publish_timeout", "200ms"));
        await gateway.DeployAsync("echo", "cat");

        using var sync = await gateway.PostAsync("/function/echo", "hi");
        using var refused = await gateway.PostAsync("/async-function/echo", "hi", ("X-Call-Id", "early"));
        await using var nats = await NatsServer.StartAsync(port: port);
        await Eventually.HoldsAsync(async () => (await gateway.PostAsync("/async-function/echo", "hi")).StatusCode == HttpStatusCode.Accepted, "an async call is accepted");

        Assert.Equal("hi", await sync.Content.ReadAsStringAsync());
        Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
        Assert.Equal("1", refused.Headers.GetValues("Retry-After").Single());
        Assert.Equal("gateway", refused.Headers.GetValues("X-OpenFaaS-Internal").Single());
        Assert.Equal("early", refused.Headers.GetValues("X-Call-Id").Single());
    }

    [Fact]
    public async Task A_gateway_that_never_reached_NATS_stops_when_it_is_told_to()
    {
        await using var gateway = await TestGateway.StartAsync(
            null, ("faas_nats_address", "127.0.0.1"), ("faas_nats_port", FreePort.Next().ToString(CultureInfo.InvariantCulture)), ("grace_period", "1h"));
        await gateway.Process.Process.LineAsync(line => line.Contains("NATS cannot be reached", StringComparison.Ordinal) && line.Contains("refused", StringComparison.Ordinal), "it says why");

        Assert.Equal(0, await gateway.Process.TerminateAsync());
    }

    [Fact]
    public Task R1_nothing_is_promised_that_a_killed_broker_does_not_keep() => KeepsPromisesAsync(async (nats, _) =>
    {
        await nats.KillAsync();
        return () => nats.StartAgainAsync();
    });

    [Fact]
    public Task R1_nothing_is_promised_that_a_stopped_broker_does_not_keep() => KeepsPromisesAsync(async (nats, _) =>
    {
        await nats.StopAsync();
        return () => nats.StartAgainAsync();
    });

    [Fact]
    public Task R1_nothing_is_promised_that_a_silent_broker_does_not_keep() => KeepsPromisesAsync((nats, _) =>
    {
        nats.Pause();
        return Task.FromResult(() =>
        {
            nats.Resume();
            return Task.CompletedTask;
        });
    });

    [Fact]
    public Task R1_a_killed_gateway_leaves_calls_that_can_be_repeated() => KeepsPromisesAsync(async (_, gateway) =>
    {
        await gateway.Process.KillAsync();
        return () => gateway.Process.StartAgainAsync();
    });

    // Callers post under load, each call with its own key, until a part has been away and is back. Then every call without a 202 is repeated with its key.
    private static async Task KeepsPromisesAsync(Func<NatsServer, TestGateway, Task<Func<Task>>> takeAway)
    {
        await using var nats = await NatsServer.StartAsync();
        await using var gateway = await TestGateway.StartAsync(nats, ("nats_publish_timeout", "1s"), ("nats_duplicate_window", "10m"));
        await gateway.DeployAsync("echo", "cat");
        var ledger = new Ledger(gateway);
        var callers = Enumerable.Range(0, Callers).Select(_ => ledger.PostUntilStoppedAsync()).ToList();
        await Eventually.HoldsAsync(() => ledger.Accepted.Count > 100, "calls are accepted");

        var bringBack = await takeAway(nats, gateway);
        var refused = ledger.NotAccepted.Count;

        // Of twice as many as there are callers, each was refused one that it began after the part had gone.
        await Eventually.HoldsAsync(() => ledger.NotAccepted.Count >= refused + (2 * Callers), "calls are refused while a part is away");
        var (acceptedBefore, refusedBefore) = (ledger.Accepted.Count, ledger.NotAccepted.Count);
        await Eventually.HoldsAsync(() => ledger.NotAccepted.Count >= refusedBefore + Callers, "more calls are refused");
        var acceptedMeanwhile = ledger.Accepted.Count - acceptedBefore;
        await bringBack();
        var countBack = ledger.Accepted.Count;
        await Eventually.HoldsAsync(() => ledger.Accepted.Count > countBack + 100, "calls are accepted again");
        await ledger.StopAsync(callers);
        await ledger.RepeatRefusedAsync();

        await using var stored = new StoredCalls(nats);
        var keys = await stored.CallIdsAsync();
        Assert.Equal(0, acceptedMeanwhile);
        Assert.Empty(ledger.NotAccepted);
        Assert.Empty(ledger.Accepted.Except(keys));
        Assert.Equal(keys.Count, keys.Distinct().Count());
        Assert.Equal(ledger.Accepted.Count, keys.Count);
    }

    private sealed class Ledger(TestGateway gateway)
    {
        private volatile bool _stopped;

        public ConcurrentBag<string> Accepted { get; } = [];

        public ConcurrentQueue<string> NotAccepted { get; } = [];

        public async Task PostUntilStoppedAsync()
        {
            while (!_stopped)
            {
                await PostAsync(Guid.NewGuid().ToString());
            }
        }

        public async Task StopAsync(IEnumerable<Task> callers)
        {
            _stopped = true;
            await Task.WhenAll(callers);
        }

        public async Task RepeatRefusedAsync()
        {
            // One that a busy machine is too slow for is repeated again.
            for (var left = 20 * NotAccepted.Count; left > 0 && NotAccepted.TryDequeue(out var key); left--)
            {
                await PostAsync(key);
            }
        }

        private async Task PostAsync(string key)
        {
            try
            {
                using var answer = await gateway.PostAsync("/async-function/echo", key, ("Idempotency-Key", key), ("X-Call-Id", key));
                if (answer.StatusCode == HttpStatusCode.Accepted)
                {
                    Accepted.Add(key);
                    return;
                }

                Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
            }
            catch (HttpRequestException)
            {
                // The gateway itself is away; a moment between tries keeps the ledger short.
                await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
            }

            NotAccepted.Enqueue(key);
        }
    }
}
