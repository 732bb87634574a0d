using System.Runtime.CompilerServices;
using Connectors.Gateway.Enqueueing;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Connectors.Gateway.Queues;

/// <summary>
/// Removes the waiting, delayed and held calls of a queue, or of one function in it; callback records and dead letters are other streams and stay (R16 of
/// docs/delivery-states.md). A stream does not tell what runs from what waits: the messages of calls that run go too. They are not counted, as far as workers
/// said within the last seconds that they run them.
/// </summary>
internal sealed class QueuePurge(NatsLink link, WorkerReports reports, CallResults results, ILogger<QueuePurge> log)
{
    /// <summary>Removes them, and tells how many, stream by stream.</summary>
    public async IAsyncEnumerable<long> RunAsync(string queue, FunctionName? function, [EnumeratorCancellation] CancellationToken ct)
    {
        // What comes back meanwhile goes from the first to the second.
        yield return await RemoveAsync(StreamNames.Aside(queue), AsideOf(queue, function), ct);
        var running = Running(queue, function);
        var begun = await BeginAsync(queue, function, ct);
        yield return Math.Max(0, await RemoveAsync(StreamNames.Calls(queue), CallsOf(queue, function), ct) - running);

        // What went the other way meanwhile is held. From here on calls are gone, whoever still waits for the answer.
        var held = function is { } one ? AsideGroup.Held(one).Filter(queue) : AsideGroup.HeldSubjects(queue);
        yield return await RemoveAsync(StreamNames.Aside(queue), held, CancellationToken.None);
        if (begun is { } before)
        {
            await NoteAsync(queue, function, before);
        }
    }

    /// <summary>How many it would remove now.</summary>
    public async Task<long> CountAsync(string queue, FunctionName? function, CancellationToken ct)
    {
        var aside = await CountAsync(StreamNames.Aside(queue), AsideOf(queue, function), ct);
        var calls = await CountAsync(StreamNames.Calls(queue), CallsOf(queue, function), ct);
        return aside + Math.Max(0, calls - Running(queue, function));
    }

    // Which subjects of a stream; null for all.
    private static string? AsideOf(string queue, FunctionName? function) => function is null ? null : StreamNames.AsideSubjects(queue, function);

    private static string? CallsOf(string queue, FunctionName? function) => function is null ? null : StreamNames.CallSubjects(queue, function);

    private long Running(string queue, FunctionName? function)
    {
        var running = reports.Of(queue).Running;
        return function is { } one ? running.GetValueOrDefault(one.ToString()) : running.Values.Sum();
    }

    private async Task<long> RemoveAsync(string stream, string? filter, CancellationToken ct)
    {
        try
        {
            return (long)(await link.JetStream.PurgeStreamAsync(stream, new StreamPurgeRequest { Filter = filter }, ct)).Purged;
        }
        catch (NatsJSApiException fault) when (fault.IsNotFound())
        {
            return 0;
        }
    }

    private async Task<long> CountAsync(string stream, string? filter, CancellationToken ct) => filter is null
        ? (await link.FindStreamAsync(stream, ct))?.State.Messages ?? 0
        : (await link.FindCountsAsync(stream, filter, ct)).BySubject().Sum(subject => subject.Value);

    // Null: it cannot be noted, and the calls go all the same.
    private async Task<ulong?> BeginAsync(string queue, FunctionName? function, CancellationToken ct)
    {
        try
        {
            return await results.BeginPurgeAsync(ct);
        }
        catch (NatsException fault)
        {
            Log.PurgeNotNoted(log, queue, function?.ToString() ?? "", fault.Message);
            return null;
        }
    }

    private async Task NoteAsync(string queue, FunctionName? function, ulong before)
    {
        try
        {
            await results.PurgedAsync(queue, function, before, CancellationToken.None);
        }
        catch (NatsException fault)
        {
            Log.PurgeNotNoted(log, queue, function?.ToString() ?? "", fault.Message);
        }
    }
}
