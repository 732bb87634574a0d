using Connectors.Sdk.Hosting;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Connectors.Gateway.Queues;

/// <summary>How many calls of a queue wait: what its stream holds, less what its workers say that they have.</summary>
internal sealed class QueueBacklog(NatsLink link, WorkerReports reports) : IDuty
{
    private const int NotFound = 404;

    /// <summary>The backlog now; an empty one for a queue that nobody has called yet.</summary>
    public async Task<Backlog> OfAsync(string queue, CancellationToken ct)
    {
        if (await SubjectsAsync(StreamNames.Calls(queue), ct) is not { } calls)
        {
            return new Backlog(new Dictionary<string, long>(), 0, reports.Of(queue));
        }

        var stored = new Dictionary<string, long>();
        foreach (var (subject, count) in calls)
        {
            var function = StreamNames.FunctionOf(subject)?.ToString() ?? subject;
            stored[function] = stored.GetValueOrDefault(function) + count;
        }

        var callbacks = (await SubjectsAsync(StreamNames.Callbacks(queue), ct))?.Values.Sum() ?? 0;
        var backlog = new Backlog(stored, callbacks, reports.Of(queue));
        Metrics.Waiting(queue, backlog.Waiting);
        return backlog;
    }

    public Task RunAsync(CancellationToken stoppingToken) => reports.ListenAsync("*", stoppingToken);

    // Null if there is no such stream.
    private async Task<IReadOnlyDictionary<string, long>?> SubjectsAsync(string stream, CancellationToken ct)
    {
        try
        {
            var found = await link.JetStream.GetStreamAsync(stream, new StreamInfoRequest { SubjectsFilter = ">" }, ct);
            return (found.Info.State.Subjects ?? new Dictionary<string, long>()).AsReadOnly();
        }
        catch (NatsJSApiException fault) when (fault.Error.Code == NotFound)
        {
            return null;
        }
    }
}

/// <summary>What there is to do in a queue.</summary>
/// <param name="Stored">Calls that have not ended, by function (<c>name.namespace</c>): waiting, delayed or running.</param>
/// <param name="Callbacks">Callback records that were not delivered yet.</param>
/// <param name="InHand">Calls that workers have.</param>
internal sealed record Backlog(IReadOnlyDictionary<string, long> Stored, long Callbacks, CallsInHand InHand)
{
    /// <summary>Calls that wait for a worker: due, and running in none.</summary>
    public long Waiting => Stored.Sum(function => InHand.Waiting(function.Key, function.Value));

    /// <summary>Whether a worker is needed: calls that are delayed come due, and callbacks are delivered by workers too.</summary>
    public bool IsOpen => Callbacks > 0 || Stored.Values.Any(count => count > 0);

    /// <summary>A function's calls that wait for a worker.</summary>
    public long WaitingOf(string function) => InHand.Waiting(function, Stored.GetValueOrDefault(function));

    /// <summary>Whether a function is needed: one of its calls runs, or is due.</summary>
    public bool Needs(string function) => WaitingOf(function) > 0 || InHand.Running.GetValueOrDefault(function) > 0;
}
