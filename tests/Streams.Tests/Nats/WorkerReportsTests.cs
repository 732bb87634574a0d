using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using Connectors.Streams.Tests.Records;
using Connectors.Testing;
using Microsoft.Extensions.Time.Testing;

namespace Connectors.Streams.Tests.Nats;

/// <summary>What workers have in hand, however much that is.</summary>
public sealed class WorkerReportsTests
{
    private const string SmallMessages = "max_payload: 4096";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_report_that_is_too_large_for_one_message_is_heard_whole_and_what_it_has_no_more_is_forgotten()
    {
        await using var server = await NatsServer.StartAsync(SmallMessages);
        await using var worker = await TestLink.OpenAsync(server);
        await using var gateway = await TestLink.OpenAsync(server);
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(Ct);

        // By the clock of whoever hears it, it does not go out of date.
        var heard = new WorkerReports(gateway.Link, new FakeTimeProvider());
        var report = WorkerReportTests.Of(running: 150, delayed: 500);
        var listening = heard.ListenAsync("*", stopping.Token);
        var telling = new WorkerReports(worker.Link, TimeProvider.System).TellAsync("q", () => report, stopping.Token);
        await IsHeardAsync();

        report = WorkerReportTests.Of(running: 1, delayed: 200);
        await IsHeardAsync();
        report = WorkerReportTests.Of(running: 3, delayed: 2);
        await IsHeardAsync();

        await stopping.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => listening);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => telling);

        Task IsHeardAsync() => Eventually.HoldsAsync(
            () => heard.Of("q") is { Workers: 1 } inHand && IsSame(inHand.Running, report.Running) && IsSame(inHand.Delayed, report.Delayed),
            () => $"{report.Delayed.Count} functions of one worker are heard of, not {heard.Of("q").Delayed.Count} of {heard.Of("q").Workers}");
    }

    [Fact]
    public async Task What_a_worker_has_now_stands_for_what_it_said_last()
    {
        await using var server = await NatsServer.StartAsync();
        await using var link = await TestLink.OpenAsync(server);
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var reports = new WorkerReports(link.Link, TimeProvider.System);
        var other = WorkerReportTests.Of(running: 1, delayed: 0) with { Worker = "other" };
        var own = WorkerReportTests.Of(running: 2, delayed: 2);
        var running = Task.WhenAll(
            reports.ListenAsync("q", stopping.Token), reports.TellAsync("q", () => own, stopping.Token), reports.TellAsync("q", () => other, stopping.Token));
        await Eventually.HoldsAsync(() => reports.Of("q").Workers == 2, "both are heard of");

        var inHand = reports.Of("q", own with { Running = new Dictionary<string, long> { ["function-0.openfaas-fn"] = 5 } });

        Assert.Equal((2, 6L, 2), (inHand.Workers, inHand.Running["function-0.openfaas-fn"], inHand.Delayed.Count));
        await stopping.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    [Fact]
    public async Task A_report_that_cannot_be_published_is_told_of_once()
    {
        await using var server = await NatsServer.StartAsync(SmallMessages);
        using var lines = new Lines();
        await using var worker = await TestLink.StartAsync(server.Port, loggers: lines);
        await worker.Link.OpenAsync(Eventually.Patience, Ct);
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var time = new FakeTimeProvider();
        var tries = 0;
        var telling = new WorkerReports(worker.Link, time).TellAsync(
            "q",
            () =>
            {
                Interlocked.Increment(ref tries);
                return new WorkerReport { Worker = new string('w', 5_000) };
            },
            stopping.Token);

        await Eventually.HoldsAsync(
            () =>
            {
                time.Advance(WorkerReports.Interval);
                return Volatile.Read(ref tries) > 4;
            },
            "it is tried again and again");

        Assert.Single(lines.Warnings, line => line.Contains("cannot be told", StringComparison.Ordinal));
        await stopping.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => telling);
    }

    private static bool IsSame(IReadOnlyDictionary<string, long> found, IReadOnlyDictionary<string, long> told) =>
        found.OrderBy(one => one.Key, StringComparer.Ordinal).SequenceEqual(told.OrderBy(one => one.Key, StringComparer.Ordinal));
}
