using System.Runtime.CompilerServices;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Sdk.Topics;
using Microsoft.Extensions.Logging;

namespace Connectors.Sdk.Events;

/// <summary>
/// Reads the source without end: anew after a growing delay when it throws or ends. Begins once the topic map is known, lest an event pass for one that
/// nobody wants.
/// </summary>
internal sealed class EventReader(IEventSource source, LatestTopicMap topics, TimeProvider time, Random random, ILogger<EventReader> log)
{
    private static readonly TimeSpan MinDelay = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan MaxDelay = TimeSpan.FromSeconds(30);

    /// <summary>Yields events until <paramref name="stoppingToken"/> is cancelled, which throws.</summary>
    public async IAsyncEnumerable<Received> ReadAsync(Slots slots, [EnumeratorCancellation] CancellationToken stoppingToken)
    {
        await topics.FirstAsync(stoppingToken);
        for (var failures = 1; ; failures++)
        {
            await using var events = source.ReadAsync(slots, stoppingToken).GetAsyncEnumerator(stoppingToken);
            while (await HasNextAsync(events, stoppingToken))
            {
                failures = 0;
                yield return events.Current;
            }

            stoppingToken.ThrowIfCancellationRequested();
            await Task.Delay(BackOff.Delay(BackOffKind.Equal, Math.Max(1, failures), MinDelay, MaxDelay, random), time, stoppingToken);
        }
    }

    private async Task<bool> HasNextAsync(IAsyncEnumerator<Received> events, CancellationToken stoppingToken)
    {
        try
        {
            if (await events.MoveNextAsync())
            {
                return true;
            }

            Fail(new InvalidOperationException("The event source ended."), stoppingToken);
        }
        catch (Exception fault) when (fault is not ConfigurationException)
        {
            Fail(fault, stoppingToken);
        }

        return false;
    }

    private void Fail(Exception fault, CancellationToken stoppingToken)
    {
        if (!stoppingToken.IsCancellationRequested)
        {
            Metrics.SourceFailed();
            Log.SourceFailed(log, fault);
        }
    }
}
