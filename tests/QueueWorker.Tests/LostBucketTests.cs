using Connectors.Streams.Records;
using Connectors.Testing;
using NATS.Net;

namespace Connectors.QueueWorker.Tests;

/// <summary>Workers whose buckets are deleted: the next one of the name is followed as the first was, though its numbers begin anew.</summary>
public sealed class LostBucketTests
{
    [Theory]
    [InlineData("static")]
    [InlineData("function")]
    public async Task R22_a_pause_goes_with_its_bucket_and_one_in_the_next_bucket_holds(string mode)
    {
        await using var server = await NatsServer.StartAsync();
        await using var bench = await Bench.StartAsync(options: new() { ["scaling_mode"] = mode }, server: server);
        for (var i = 0; i < 10; i++)
        {
            await bench.PauseAsync();
        }

        await SaysAsync(bench, " Paused ", 1);
        await bench.EnqueueAsync(body: "held");
        await DeleteAsync(bench, StreamNames.Paused);
        await bench.IsEmptyAsync();
        await WaitAsync(bench, 0);

        await bench.PauseAsync();
        await SaysAsync(bench, " Paused ", 2);
        await bench.EnqueueAsync(body: "held again");
        await WaitAsync(bench, 1);
        Assert.Equal(["held"], bench.Sends.Select(send => send.Text));

        await bench.ResumeAsync();
        await bench.IsEmptyAsync();
        Assert.Equal(["held", "held again"], bench.Sends.Select(send => send.Text));
    }

    [Fact]
    public async Task R24_a_cancellation_in_the_next_bucket_is_heard_of()
    {
        const string Heard = "Waiting calls of a kind are cancelled";
        await using var server = await NatsServer.StartAsync();
        await using var bench = await Bench.StartAsync(server: server);
        for (var i = 0; i < 10; i++)
        {
            await CancelAsync();
        }

        await SaysAsync(bench, Heard, 10);
        await DeleteAsync(bench, StreamNames.Cancelled);
        await CancelAsync();

        await SaysAsync(bench, Heard, 11);

        Task CancelAsync() => bench.CancelManyAsync(new BulkCancellation { At = TimeProvider.System.GetUtcNow(), Tag = "of no call", Queue = bench.Queue });
    }

    private static async Task DeleteAsync(Bench bench, string bucket) => await bench.Connection.CreateKeyValueStoreContext().DeleteStoreAsync(bucket);

    private static Task WaitAsync(Bench bench, int count) => Eventually.HoldsAsync(
        async () => (await bench.Worker.MetricAsync($"queue_worker_pending_messages{{queue_name=\"{bench.Queue}\",function_name=\"{Bench.Echo}\"}}") ?? 0) == count, $"{count} calls wait");

    private static Task SaysAsync(Bench bench, string words, int times) => Eventually.HoldsAsync(
        () => bench.Worker.Process.Lines.Count(line => line.Contains(words, StringComparison.Ordinal)) == times,
        () => $"'{words}' is said {times} times; the worker wrote:\n{bench.Worker.Process.Tail()}");
}
