using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;

namespace Connectors.QueueWorker.Settling;

/// <summary>Writes what a call came to where its caller looks for it. Never holds a call up: a result that cannot be stored is logged, and the call goes on (R3).</summary>
internal sealed class StoredResults(NatsLink link, QueueWorkerOptions options, TimeProvider time, ILogger<StoredResults> log)
{
    // The bucket's subject, and what client and server add.
    private const int OverheadBytes = 2048;

    // Longer than any gateway grants.
    private static readonly TimeSpan MaxKept = TimeSpan.FromDays(7);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly Bucket _bucket = new(link, BucketShape.Results(options.Limits), Patience, time);

    public async Task StoreAsync(Envelope envelope, Outcome outcome, string state, CancellationToken ct)
    {
        if (envelope.StoreResult is not { } asked)
        {
            return;
        }

        var keep = asked < MaxKept ? asked : MaxKept;

        try
        {
            await _bucket.PutAsync(StreamNames.Token(envelope.CallId), Value(envelope, outcome, state, keep), keep, ct);
        }
        catch (Exception fault) when (!ct.IsCancellationRequested)
        {
            Metrics.ResultLost();
            Log.ResultNotStored(log, envelope.CallId, envelope.FunctionName.ToString(), fault.Message);
        }
    }

    private byte[] Value(Envelope envelope, Outcome outcome, string state, TimeSpan keep)
    {
        var record = new StoredResult
        {
            State = state,
            Function = envelope.FunctionName.ToString(),
            Status = outcome.Status,
            Headers = outcome.Headers,
            Seconds = outcome.Duration.TotalSeconds,
            Expires = time.GetUtcNow() + keep,
            Kept = keep,
        };
        var value = outcome.IsBodyKept ? record.Encode(outcome.Body.Span) : null;
        return value is not null && value.Length + OverheadBytes <= link.MaxPayload ? value : (record with { Headers = [], IsDropped = true }).Encode([]);
    }
}
