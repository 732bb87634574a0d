using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using Connectors.Testing;
using NATS.Client.Core;

namespace Connectors.QueueWorker.Tests;

/// <summary>What <c>queue_worker_pending_messages</c> counts: calls that wait for a worker, whichever worker is asked.</summary>
public sealed class PendingTests(SharedNats nats) : IClassFixture<SharedNats>
{
    [Theory]
    [InlineData("static")]
    [InlineData("function")]
    public async Task Calls_that_run_in_any_replica_do_not_wait(string mode)
    {
        var gate = new TaskCompletionSource();
        await using var bench = await Bench.StartAsync(Bench.Behind(gate), new() { ["max_inflight"] = "1", ["scaling_mode"] = mode, ["ack_wait"] = "5s", ["upstream_timeout"] = "10m" }, nats.Server);
        ServiceProcess[] workers = [bench.Worker, await bench.StartAnotherAsync()];
        await bench.EnqueueAsync();
        await bench.EnqueueAsync();
        await bench.Http.ReceivesAsync(2);

        await ShowAsync(bench, workers, stored: 2, waiting: 0);
        await bench.EnqueueAsync();
        await ShowAsync(bench, workers, stored: 3, waiting: 1);

        // What a dead worker had waits again.
        await workers[1].KillAsync();
        await ShowAsync(bench, [workers[0]], stored: 3, waiting: 2);
        gate.SetResult();
        await bench.HoldsAsync(bench.Calls, 0);
        await ShowAsync(bench, [workers[0]], stored: 3, waiting: 0);
    }

    [Fact]
    public async Task A_retry_whose_time_has_not_come_does_not_wait_for_a_worker()
    {
        await using var bench = await Bench.StartAsync(Bench.Statuses(500), new() { ["initial_retry_wait"] = "10m", ["max_retry_wait"] = "10m" }, nats.Server);
        await bench.EnqueueAsync();

        await Eventually.HoldsAsync(
            async () => await bench.Worker.MetricAsync($"queue_worker_waiting_retries{{queue_name=\"{bench.Queue}\"}}") == 1 && await WaitingAsync(bench, bench.Worker) == 0,
            "the retry is told apart");
        await bench.HoldsAsync(bench.Calls, 1);
    }

    [Fact]
    public async Task Functions_whose_calls_have_ended_are_in_no_report()
    {
        await using var bench = await Bench.StartAsync(server: nats.Server);
        foreach (var name in new[] { "one", "two", "three" })
        {
            await bench.EnqueueAsync(Bench.Call(new FunctionName(name, "openfaas-fn")));
        }

        await bench.Http.ReceivesAsync(3);
        await bench.IsEmptyAsync();

        await using var reports = await bench.Connection.SubscribeCoreAsync<byte[]>(StreamNames.Reports(bench.Queue), serializer: NatsRawSerializer<byte[]>.Default);

        // A stream is empty before the worker has noted that the last call has ended, and a report may be made in between.
        await Eventually.HoldsAsync(
            async () => WorkerReport.TryDecode((await reports.Msgs.ReadAsync(TestContext.Current.CancellationToken)).Data) is { Running.Count: 0 }, "a report has no function");
    }

    // The look that the gauge is of saw as many messages.
    private static Task ShowAsync(Bench bench, ServiceProcess[] workers, int stored, int waiting) => Eventually.HoldsAsync(
        async () =>
        {
            foreach (var worker in workers)
            {
                if (await worker.MetricAsync($"queue_worker_messages_submitted_total{{queue_name=\"{bench.Queue}\"}}") != stored || await WaitingAsync(bench, worker) != waiting)
                {
                    return false;
                }
            }

            return true;
        },
        $"{waiting} of {stored} calls wait, in the eyes of {workers.Length} workers");

    private static Task<double?> WaitingAsync(Bench bench, ServiceProcess worker) =>
        worker.MetricAsync($"queue_worker_pending_messages{{queue_name=\"{bench.Queue}\",function_name=\"echo.openfaas-fn\"}}");
}
