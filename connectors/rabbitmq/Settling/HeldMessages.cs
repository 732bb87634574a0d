using Connectors.Sdk.Hosting;

namespace Connectors.RabbitMq.Settling;

/// <summary>Tells what is held, whether or not its queue is consumed by then.</summary>
internal sealed class HeldMessages(Settler settler, TimeProvider time) : IDuty
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);

    public async Task RunAsync(CancellationToken stoppingToken)
    {
        for (; ; await Task.Delay(Interval, time, stoppingToken))
        {
            settler.Report();
        }
    }
}
