using Connectors.Streams.Nats;
using Connectors.Streams.Records;

namespace Connectors.QueueWorker.Dispatching;

/// <summary>
/// Removes from time to time what pauses and breakers that have ended left in <c>OF_paused</c>, of whichever queue: where the server knows of no ages of single
/// messages, and what older versions left. Each worker does it, an hour after its start at first; whoever comes second finds nothing.
/// </summary>
internal sealed class PauseSweep(NatsLink link, QueueWorkerOptions options, TimeProvider time, ILogger log)
{
    private static readonly TimeSpan Interval = TimeSpan.FromHours(1);
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    private readonly Bucket _bucket = new(link, BucketShape.Paused(options.Limits), Limit, time);

    // Why it could not be done when that was tried last; null if it could.
    private string? _trouble;

    public async Task RunAsync(CancellationToken stopping)
    {
        while (true)
        {
            await Task.Delay(Interval, time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (stopping.IsCancellationRequested)
            {
                return;
            }

            try
            {
                await _bucket.SweepAsync(stopping);
                _trouble = null;
            }
            catch (Exception fault)
            {
                if (!stopping.IsCancellationRequested && fault.Message != _trouble)
                {
                    _trouble = fault.Message;
                    Log.PausesNotSwept(log, StreamNames.Paused, fault.Message);
                }
            }
        }
    }
}
