using Connectors.Streams.Nats;
using Connectors.Streams.Records;

namespace Connectors.QueueWorker.Consuming;

/// <summary>What a stream republishes of each message that it stores: told at once, and perhaps lost.</summary>
internal sealed class Hints(NatsLink link, TimeProvider time, ILogger log)
{
    private static readonly TimeSpan AfterFault = TimeSpan.FromMilliseconds(500);

    /// <summary>Tells the subject of each message until told to stop, whatever ends the subscription meanwhile.</summary>
    /// <param name="hints">The subjects on which a stream republishes.</param>
    /// <param name="heard">Called on the thread that reads the connection: it may neither block nor throw.</param>
    /// <param name="stopping">Ends it.</param>
    public async Task ListenAsync(string hints, Action<string> heard, CancellationToken stopping)
    {
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                await using var subscription = await DirectSubscription.OpenAsync(
                    link.Connection, hints, (hint, _, _, _) => heard(StreamNames.SubjectOfHint(hint)), stopping);
                await Task.Delay(Timeout.InfiniteTimeSpan, time, stopping);
            }
            catch (Exception fault) when (!stopping.IsCancellationRequested)
            {
                // Meanwhile the resync finds what there is.
                Log.TakingFailed(log, hints, fault.Message);
                await Task.Delay(AfterFault, time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (Exception)
            {
                // Told to stop, whatever ends the hints.
            }
        }
    }
}
