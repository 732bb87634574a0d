using Connectors.Sdk.Hosting;
using Connectors.Streams.Records;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Connectors.Streams.Nats;

/// <summary>What is changed of a stream that was found, so that it is as the options say.</summary>
internal static class StreamChange
{
    // One who may not change streams gets no answer, and calls wait meanwhile.
    private static readonly TimeSpan KeepOldLimit = TimeSpan.FromSeconds(1);

    /// <summary>Whether a stream whose messages are acked drops those that are oldest when there are too many, in all or of one subject.</summary>
    public static bool DropsOld(StreamShape shape, StreamConfig found) =>
        shape.Retention == StreamRetention.WorkQueue && (found.Discard == StreamConfigDiscard.Old || (HasSubjectLimit(found) && !found.DiscardNewPerSubject));

    /// <summary>
    /// Has a stream whose messages are acked refuse what is new when it is full. One that somebody made by hand drops what is oldest as a rule, and does so at once
    /// when it gets a limit that it is over: so this is done before any limit is set.
    /// </summary>
    /// <returns>The stream as it is then, and why it still drops; null if it does not.</returns>
    public static async Task<(StreamInfo Stream, string? Refusal)> KeepOldAsync(NatsLink link, StreamShape shape, StreamInfo found, TimeProvider time, CancellationToken ct)
    {
        if (!DropsOld(shape, found.Config))
        {
            return (found, null);
        }

        using var limit = new TimeLimit(KeepOldLimit, time, ct);
        try
        {
            var kept = (await link.JetStream.UpdateStreamAsync(found.Config with { Discard = StreamConfigDiscard.New, DiscardNewPerSubject = HasSubjectLimit(found.Config) }, limit.Token)).Info.Config;
            Log.StreamKeepsOld(link.Logger, shape.Name);
            return (found with { Config = kept }, null);
        }
        catch (Exception fault) when (fault is NatsException || (fault is OperationCanceledException && limit.IsOver))
        {
            return (found, $"it drops what is oldest when it is full, and gets no limit: {Reason(fault)}");
        }
    }

    /// <summary>Why a change was not made. A server that says nothing is one reason, whatever ended the wait for it.</summary>
    public static string Reason(Exception fault) => fault is NatsJSApiException ? fault.Message : "no answer in time";

    /// <summary>
    /// The stream as the options say; null if it is so already. Limits that an operator set win over those found; those left at their defaults may have been set at
    /// another service.
    /// </summary>
    public static StreamConfig? Wanted(StreamShape shape, StreamConfig found)
    {
        var wanted = found with
        {
            MaxBytes = Limit(shape.MaxBytes, found.MaxBytes),
            MaxMsgs = Limit(shape.MaxMessages, found.MaxMsgs),
            MaxAge = shape.DropsOld ? shape.MaxAge : found.MaxAge,
            NumReplicas = shape.Replicas == 1 ? found.NumReplicas : shape.Replicas,
            DuplicateWindow = shape.DuplicateWindow == StreamLimits.DefaultDuplicateWindow && !shape.DropsOld ? found.DuplicateWindow : shape.DuplicateWindow,
            AllowDirect = true,
        };
        return wanted == found ? null : wanted;
    }

    // All calls of a function have one subject.
    private static bool HasSubjectLimit(StreamConfig found) => found.MaxMsgsPerSubject > 0;

    // The server says -1 of none.
    private static long Limit(long wanted, long found) => wanted switch
    {
        -1 => found,
        0 => -1,
        _ => wanted,
    };
}
