using Connectors.Gateway.Queues;
using Connectors.Sdk.Hosting;
using Connectors.Streams.Nats;
using Connectors.Testing;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using NATS.Client.Core;

namespace Connectors.Gateway.Tests.Queues;

/// <summary>The look at a queue that all who ask share.</summary>
public sealed class QueueBacklogTests
{
    [Fact]
    public async Task Who_gives_up_ends_the_look_for_nobody_else_and_one_that_failed_is_soon_over()
    {
        var options = GatewayOptions.Read(new Settings(new Dictionary<string, string> { ["faas_nats_address"] = "127.0.0.1" })).Queue;
        var time = new FakeTimeProvider();

        // Nobody starts it, so it never opens.
        await using var link = new NatsLink(options.Nats, new NatsRole("test", IsNeeded: false, () => { }), new Readiness(), time, NullLoggerFactory.Instance);
        var backlogs = new QueueBacklog(link, new WorkerReports(link, time), new PauseBook(link, options, time, NullLogger<PauseBook>.Instance), time);
        using var gone = new CancellationTokenSource();

        var (impatient, patient) = (backlogs.OfAsync("q", gone.Token), backlogs.OfAsync("q", CancellationToken.None));
        await gone.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => impatient);
        Assert.False(patient.IsCompleted);
        await Eventually.HoldsAsync(
            () =>
            {
                time.Advance(TimeSpan.FromSeconds(1));
                return patient.IsCompleted;
            },
            "the look ends by itself");
        Assert.StartsWith("NATS is away", (await Assert.ThrowsAsync<NatsException>(() => patient)).Message, StringComparison.Ordinal);
        Assert.False(backlogs.OfAsync("q", CancellationToken.None).IsCompleted);
    }
}
