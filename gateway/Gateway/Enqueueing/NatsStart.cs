using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;

namespace Connectors.Gateway.Enqueueing;

/// <summary>Makes the default queue's stream ready before the first call needs it.</summary>
internal sealed class NatsStart(NatsLink link, StreamSetup streams, QueueOptions options, ILogger<NatsStart> log) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await link.OpenAsync(stoppingToken);
            await streams.EnsureOnceAsync(StreamShape.Calls(options.DefaultQueue, options.Limits), isMissing: false, stoppingToken);
        }
        catch (Exception fault) when (!stoppingToken.IsCancellationRequested)
        {
            // The next call tries again and tells its caller.
            Log.StreamNotReady(log, StreamNames.Calls(options.DefaultQueue), fault.Message);
        }
        catch (Exception)
        {
            // Stopping, whatever fails in that moment.
        }
    }
}
