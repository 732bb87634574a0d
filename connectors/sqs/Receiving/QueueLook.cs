using Connectors.Sdk.Hosting;
using Connectors.Sqs.Queues;
using Microsoft.Extensions.Logging;

namespace Connectors.Sqs.Receiving;

/// <summary>
/// Looks at the queues for the operator: how many messages SQS says there are, and how old the oldest is that came lately. What cannot be looked at is told
/// once, is not shown meanwhile, and keeps nothing from being received.
/// </summary>
internal sealed class QueueLook(IReadOnlyList<QueueReader> readers, SqsOptions options, TimeProvider time, ILogger<QueueLook> log) : IDuty
{
    private static readonly TimeSpan AgeInterval = TimeSpan.FromSeconds(2);

    public Task RunAsync(CancellationToken stoppingToken) => Task.WhenAll(
        [TellAgesAsync(stoppingToken), .. readers.Where(_ => options.DepthInterval > TimeSpan.Zero).Select(reader => TellDepthAsync(reader.Settler.Queue, stoppingToken))]);

    private async Task TellAgesAsync(CancellationToken ct)
    {
        while (true)
        {
            foreach (var reader in readers)
            {
                Metrics.Oldest(reader.Settler.Queue.Address.Name, reader.Settler.OldestAge());
            }

            await Task.Delay(AgeInterval, time, ct);
        }
    }

    private async Task TellDepthAsync(Queue queue, CancellationToken ct)
    {
        for (var isTold = false; ; await Task.Delay(options.DepthInterval, time, ct))
        {
            try
            {
                Metrics.Depth(queue.Address.Name, await queue.DepthAsync(ct));
                isTold = false;
            }
            catch (Exception fault) when (!ct.IsCancellationRequested)
            {
                var why = QueueFault.Of(fault, queue.Address, "sqs:GetQueueAttributes is");
                Metrics.Depth(queue.Address.Name, null);
                Metrics.Failed(queue.Address.Name, "look", why.Kind);
                if (!isTold)
                {
                    isTold = true;
                    Log.DepthUnknown(log, queue.Address.Name, why.Kind, why.Text);
                }
            }
        }
    }
}
