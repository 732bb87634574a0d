using Connectors.Testing;

namespace Connectors.QueueWorker.Tests;

/// <summary>Acks are not waited for. One that is lost costs no second run.</summary>
public sealed class LostAckTests(SharedNats nats) : IClassFixture<SharedNats>
{
    [Theory]
    [InlineData("static")]
    [InlineData("function")]
    public async Task An_ack_that_a_cut_connection_loses_is_sent_on_the_next(string mode)
    {
        await using var proxy = new NatsProxy(nats.Server.Port);
        await using var bench = await Bench.StartAsync(
            (_, _) =>
            {
                proxy.SwallowAll();
                return Task.CompletedTask;
            },
            // No redelivery within the test: only the ack itself empties the stream.
            new() { ["nats_port"] = proxy.Port.ToString(), ["scaling_mode"] = mode, ["ack_wait"] = "1h" },
            nats.Server);
        await bench.EnqueueAsync();
        await bench.Worker.Process.LineAsync(l => l.Contains(" Invoked ", StringComparison.Ordinal), "the call ran");
        await Eventually.HoldsAsync(async () => await bench.Worker.MetricAsync($"queue_worker_messages_processed_total{{queue_name=\"{bench.Queue}\"}}") == 1, "it is acked");

        proxy.Cut();
        await bench.IsEmptyAsync();

        Assert.Single(bench.Sends);
    }

    [Theory]
    [InlineData("static")]
    [InlineData("function")]
    public async Task A_message_that_comes_again_after_its_ack_is_acked_again_and_not_run(string mode)
    {
        await using var proxy = new NatsProxy(nats.Server.Port);
        await using var bench = await Bench.StartAsync(options: new() { ["nats_port"] = proxy.Port.ToString(), ["scaling_mode"] = mode, ["ack_wait"] = "1s" }, server: nats.Server);

        proxy.LoseAcks(1);
        await bench.EnqueueAsync();
        await bench.IsEmptyAsync();

        Assert.Single(bench.Sends);
        Assert.True(await bench.Worker.MetricAsync($"queue_worker_acks_repeated_total{{queue_name=\"{bench.Queue}\"}}") >= 1);
    }
}
