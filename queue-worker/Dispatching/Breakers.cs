using System.Collections.Concurrent;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.QueueWorker.Dispatching;

/// <summary>
/// Notices functions that cannot be reached, and has their calls wait instead of using attempts. The state is shared through <see cref="Pauses"/>; counted is
/// what this worker met.
/// <code>
/// call 1: 503 of the platform      counted, an attempt used
/// call 2: the same                 counted: with breaker_failures=2 the breaker opens, call 2 is put aside as it came
/// call 3: delivered                put aside, not sent
/// 10 s later: call 2 comes back    sent as a probe; 503: put aside as it came, the next probe in 20 s
/// call 3, expired, as a probe      ends unsent, the next probe at once
/// then call 1's retry, as a probe  200: the breaker closes, all come back
/// </code>
/// </summary>
internal sealed class Breakers
{
    // A row is over after so long without another failure: of a function that was deleted meanwhile comes no call that ends it.
    private static readonly TimeSpan RowAge = TimeSpan.FromDays(1);

    // Different calls that failed in a row: one that fails by itself, again and again, says nothing of its function. Kept while the breaker is open, so that
    // those that were running when it opened are put aside too, before it is known to be written down.
    private readonly ConcurrentDictionary<FunctionName, Row> _failed = new();

    private readonly QueueWorkerOptions _options;
    private readonly Pauses _pauses;
    private readonly TimeProvider _time;

    // When those were forgotten last that are over, as a timestamp.
    private long _forgotAt;

    public Breakers(QueueWorkerOptions options, Pauses pauses, TimeProvider time)
    {
        (_options, _pauses, _time, _forgotAt) = (options, pauses, time, time.GetTimestamp());
        pauses.Closed = function => _failed.TryRemove(function, out _);
    }

    /// <summary>Of how many functions calls are remembered that failed.</summary>
    public int Failing => _failed.Count;

    /// <summary>
    /// Whether an outcome says that the function cannot be reached: no connection, or an answer of the platform's own that says so. A provider that finds no
    /// connection says 500, as those of OpenFaaS do; a watchdog's 500 is the function's own fault. So is an answer that breaks off.
    /// </summary>
    public static bool IsUnreached(Outcome outcome) =>
        outcome.IsOutOfReach
        || outcome is { Kind: OutcomeKind.Failed, IsInternal: true, Status: 502 or 503 or 504 } or { Kind: OutcomeKind.Failed, InternalSource: "proxy", Status: 500 };

    /// <summary>Takes an outcome in. True if the call is to be put aside as it came, instead of using an attempt.</summary>
    public async ValueTask<bool> HoldsAsync(Envelope envelope, Outcome outcome, CancellationToken ct)
    {
        var function = envelope.FunctionName;
        var isOpen = _pauses.BreakerOf(function) is not null;
        if (!IsUnreached(outcome))
        {
            // Who was too slow for the call's time, or never asked, may be there or not: nothing of it is forgotten.
            if (outcome.HasAnswerBegun)
            {
                await AnsweredAsync(function, isOpen, ct);
            }

            return false;
        }

        var policy = _options.Dispatch.Breaker.With(envelope.Breaker);
        return isOpen || (policy.Failures > 0 && Count(function, envelope.DeliveryId, policy.Failures) >= policy.Failures && await OpenAsync(function, outcome, policy, ct));
    }

    private async ValueTask AnsweredAsync(FunctionName function, bool isOpen, CancellationToken ct)
    {
        _failed.TryRemove(function, out _);
        if (isOpen)
        {
            await _pauses.CloseAsync(function, ct);
        }
    }

    // No more are remembered than open it: where that cannot be written down, calls go on failing, each with an id of its own.
    private int Count(FunctionName function, string deliveryId, int max)
    {
        Forget();
        var now = _time.GetTimestamp();
        var row = _failed.AddOrUpdate(function, _ => new Row(now), (_, known) => IsOver(known) ? new Row(now) : known);
        row.Last = now;
        if (row.Calls.Count < max)
        {
            row.Calls[deliveryId] = true;
        }

        return row.Calls.Count;
    }

    private void Forget()
    {
        var last = Interlocked.Read(ref _forgotAt);
        if (_time.GetElapsedTime(last) < RowAge || Interlocked.CompareExchange(ref _forgotAt, _time.GetTimestamp(), last) != last)
        {
            return;
        }

        foreach (var row in _failed.Where(one => IsOver(one.Value)))
        {
            _failed.TryRemove(row);
        }
    }

    private bool IsOver(Row row) => _time.GetElapsedTime(row.Last) >= RowAge;

    private Task<bool> OpenAsync(FunctionName function, Outcome outcome, BreakerPolicy policy, CancellationToken ct)
    {
        var now = _time.GetUtcNow();
        var breaker = new OpenBreaker { Reason = outcome.Error ?? $"status {outcome.Status}", At = now, ProbeAt = now + policy.MinWait, Wait = policy.MinWait, MaxWait = policy.MaxWait };
        return _pauses.OpenAsync(function, breaker, ct);
    }

    private sealed class Row(long began)
    {
        /// <summary>When the last of them failed, as a timestamp.</summary>
        public long Last { get; set; } = began;

        public ConcurrentDictionary<string, bool> Calls { get; } = new();
    }
}

/// <summary>When a function's calls wait because it cannot be reached.</summary>
/// <param name="Failures">Calls in a row after which they do; 0 for never.</param>
/// <param name="MinWait">Wait before the first probe.</param>
/// <param name="MaxWait">Longest wait between probes.</param>
internal sealed record BreakerPolicy(int Failures, TimeSpan MinWait, TimeSpan MaxWait)
{
    private const int MaxFailures = 1000;

    public static BreakerPolicy Read(Settings settings)
    {
        var policy = new BreakerPolicy(
            settings.Number("breaker_failures", 0, "Calls of a function in a row that do not reach it, after which its calls wait instead of using attempts; 0 for never", 0, MaxFailures),
            settings.Duration("breaker_min_wait", TimeSpan.FromSeconds(10), "Wait before the first call that is sent to see whether the function is back", TimeSpan.FromMilliseconds(1)),
            settings.Duration("breaker_max_wait", TimeSpan.FromMinutes(5), "Longest wait between two such calls", TimeSpan.FromMilliseconds(1)));
        if (policy.MaxWait < policy.MinWait)
        {
            settings.Fault("breaker_max_wait", "no shorter than breaker_min_wait");
        }

        return policy;
    }

    /// <summary>The policy with what a function's annotations override.</summary>
    public BreakerPolicy With(BreakerSettings? own) => own is null ? this : new(
        Math.Clamp(own.Failures ?? Failures, 0, MaxFailures), own.MinWait is { } min && min > TimeSpan.Zero ? min : MinWait, own.MaxWait ?? MaxWait);
}
