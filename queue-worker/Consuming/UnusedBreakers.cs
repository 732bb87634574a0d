using Connectors.QueueWorker.Dispatching;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;

namespace Connectors.QueueWorker.Consuming;

/// <summary>
/// Closes the breakers of functions that have no call left: none would ever be sent to see whether the function is back. The last may have been purged, or have
/// ended unsent when it was to be that call.
/// </summary>
/// <remarks>
/// One that is missing in a stream may be on its way from there to the other. To those that are held it comes at any time, but back only as a probe, for which
/// the breaker is written anew. So there is none when two looks, one after the other, find none, and the breaker is still as it was before:
/// <code>
/// breaker of revision 7
/// waiting, running: none  if there is one, it is held by now
/// held: none              closed, if the breaker is still of revision 7
/// </code>
/// </remarks>
internal sealed class UnusedBreakers(QueueWorkerOptions options, NatsLink link, Pauses pauses)
{
    /// <summary>Looks once.</summary>
    /// <param name="held">Subjects of held calls that were just found, all or some: as long as a function has one, the looks are spared.</param>
    /// <param name="ct">Gives up.</param>
    public async Task CloseAsync(IEnumerable<string> held, CancellationToken ct)
    {
        var unused = pauses.OpenBreakers.ToDictionary();
        Keep(held);
        var calls = (Stream: StreamNames.Calls(options.Queue), Subjects: StreamNames.CallSubjects(options.Queue));
        var aside = (Stream: StreamNames.Aside(options.Queue), Subjects: AsideGroup.HeldSubjects(options.Queue));
        foreach (var (stream, subjects) in new[] { calls, aside })
        {
            if (unused.Count == 0)
            {
                return;
            }

            Keep((await link.WithSubjectsAsync(stream, subjects, ct)).State.Subjects?.Keys ?? []);
        }

        foreach (var (function, known) in unused)
        {
            await pauses.CloseAsync(function, known, ct);
        }

        void Keep(IEnumerable<string> used)
        {
            foreach (var subject in used)
            {
                if (StreamNames.FunctionOf(subject) is { } function)
                {
                    unused.Remove(function);
                }
            }
        }
    }
}
