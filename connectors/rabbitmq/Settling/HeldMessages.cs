using Connectors.Sdk.Hosting;
using Microsoft.Extensions.Logging;

namespace Connectors.RabbitMq.Settling;

/// <summary>Tells what is held, whether or not its queue is consumed by then; and once whether its runs may take longer than it may be held.</summary>
internal sealed class HeldMessages(RabbitMqOptions options, Settler settler, TimeProvider time, ILogger<HeldMessages> log) : IDuty
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);

    public async Task RunAsync(CancellationToken stoppingToken)
    {
        var (failure, run) = (options.Failure, options.Connector.UpstreamTimeout);
        if (!options.Connector.Asynchronous && !failure.HasTimeFor(run, options.LongestHold))
        {
            Log.RunsBeyondHold(log, failure.Retry.Attempts, run, failure.Retry.MaxWait, options.LongestHold);
        }

        for (; ; await Task.Delay(Interval, time, stoppingToken))
        {
            settler.Report();
        }
    }
}
