using System.Text;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Sdk.Topics;
using Microsoft.Extensions.Logging;

namespace Connectors.Sdk.Events;

/// <summary>
/// Sends an event to every function of its topic, in parallel, and makes one outcome of theirs. What one function refuses for good must not keep the event
/// from another that would take it later: as long as there is an outcome that is sent again, it is the one that counts.
/// </summary>
/// <param name="topics">Which functions want what.</param>
/// <param name="catalog">Says whether a function is gone.</param>
/// <param name="request">Makes their requests.</param>
/// <param name="invoker">Sends them.</param>
/// <param name="options">What counts as taken, and what is printed.</param>
/// <param name="time">The clock.</param>
/// <param name="log">Where each outcome is told.</param>
/// <param name="retry">Which outcomes are sent again, if the connector registered its policy; the usual ones otherwise.</param>
internal sealed class FanOut(
    LatestTopicMap topics, FunctionCatalog catalog, EventRequest request, Invoker invoker, ConnectorOptions options, TimeProvider time, ILogger<FanOut> log, RetryPolicy? retry = null)
{
    private readonly FunctionPresence _presence = new(catalog, options.RebuildTimeout, time);
    private readonly CallCounts _counts = new(topics);
    private readonly RetryPolicy _retry = retry ?? RetryOptions.Defaults(1, TimeSpan.Zero, TimeSpan.Zero, BackOffKind.Equal);

    /// <summary>
    /// Sends an event to the functions that have not taken it yet. Null once all have, or if there is none; else the worst outcome of those that are sent
    /// again, or the worst of all if none is; one that did not run is worse than any that did. A function that was called in an earlier run, did not take it and
    /// is not listed now keeps it open until two more lists are without that function: it may be replaced just then.
    /// </summary>
    /// <param name="content">The event.</param>
    /// <param name="run">Which run this is, and who was called in the earlier ones, and took the event; those of this one are added.</param>
    /// <param name="abort">Gives running calls up.</param>
    public async Task<Outcome?> SendAsync(Event content, Run run, CancellationToken abort)
    {
        var open = Functions(content).Where(f => !run.Taken.Contains(f)).ToList();
        if (open.Count == 0 && run.Taken.Count == 0)
        {
            Metrics.EventUnmatched(content.Topic);
            Log.Unmatched(log, content.Topic, content.Id);
        }

        run.Called.UnionWith(open);
        var outcomes = await Task.WhenAll(open.Select(f => CallAsync(content, run, f, abort)));
        for (var i = 0; i < open.Count; i++)
        {
            if (IsTaken(content, outcomes[i]))
            {
                run.Taken.Add(open[i]);
            }
        }

        // By one that did not run nothing ends: it goes before what another function of the topic would end the event by.
        return outcomes.Where(o => !IsTaken(content, o)).MaxBy(o => (_retry.Retries(o), o.IsNotRun, (int)o.Kind, o.Status)) ?? Missing(content, run);
    }

    // Whether an event that nobody took is done is for its source to say.
    private Outcome? Missing(Event content, Run run) =>
        content.Target is null && run.Taken.Count > 0 && run.Called.Any(f => !run.Taken.Contains(f) && topics.WasWanted(content.Topic, f))
            ? new Outcome { Kind = OutcomeKind.Unreachable, Status = 503, Error = "a function that has not taken it is not listed at this moment" }
            : null;

    private IEnumerable<FunctionName> Functions(Event content) => content.Target is { } target ? [target] : topics.Value.Match(content.Topic);

    // ack_on=any is what OpenFaaS's own connectors do: whoever answers has taken it. A call that is to be enqueued is answered by the gateway, before any
    // function has seen the event, and an error of the platform's own stands in the function's place: what was not stored, or not run, would be lost if that
    // counted as taken.
    private bool IsTaken(Event content, Outcome outcome) => outcome.Kind == OutcomeKind.Succeeded
        || (outcome is { Kind: OutcomeKind.Failed, IsInternal: false } && options.AckOn == AckOn.Any && !request.IsAsynchronous(content));

    private async Task<Outcome> CallAsync(Event content, Run run, FunctionName function, CancellationToken abort)
    {
        var outcome = await SendAsync(content, run, function, abort);
        if (outcome is { Kind: OutcomeKind.Failed, Status: 404 } && content.Target is null && await _presence.IsGoneAsync(function, abort))
        {
            // It went after the topic map was made. Nobody has seen the event, and the next map says who wants it.
            outcome = outcome with { Kind = OutcomeKind.Unreachable, HasAnswerBegun = false, Error = "the function is not there any more" };
        }

        _counts.Add(function, outcome);
        Tell(content, run, function, outcome);
        return outcome;
    }

    // What no request can be made of fails for this function alone, like any other call.
    private async Task<Outcome> SendAsync(Event content, Run run, FunctionName function, CancellationToken abort)
    {
        try
        {
            return await invoker.InvokeAsync(request.For(content, run, function), abort);
        }
        catch (Exception fault)
        {
            Log.Unsendable(log, content.Topic, content.Id, fault);
            return new Outcome { Kind = OutcomeKind.Failed, Status = 400, Error = fault.Message };
        }
    }

    private void Tell(Event content, Run run, FunctionName function, Outcome outcome)
    {
        var level = outcome.Kind != OutcomeKind.Succeeded ? LogLevel.Warning : options.PrintResponse ? LogLevel.Information : LogLevel.Debug;
        Log.Invoked(log, level, run.CallId, function.ToString(), content.Topic, content.Id, run.Attempt, outcome.Status, outcome.Duration, outcome.Error);
        if (options.PrintRequestBody)
        {
            Log.RequestBody(log, run.CallId, function.ToString(), content.Body.Length, Encoding.UTF8.GetString(content.Body.Span));
        }

        if (options.PrintResponseBody && (outcome.BodyLength > 0 || outcome.Kind is OutcomeKind.Succeeded or OutcomeKind.Failed))
        {
            var body = outcome.IsBodyKept ? Encoding.UTF8.GetString(outcome.Body.Span) : null;
            Log.ResponseBody(log, run.CallId, function.ToString(), outcome.BodyLength, body);
        }
    }
}

/// <summary>One run of an event over the functions of its topic.</summary>
/// <param name="CallId">The same in all runs of the event.</param>
/// <param name="Trace">The <c>traceparent</c> of the calls, in all runs of the event too: of the span of its first, or else of the event itself; null for none.</param>
/// <param name="Attempt">Ordinal of the run, from 1; 0 for what is taken over from another object of the event and has not run since.</param>
/// <param name="Taken">The functions that took the event so far.</param>
internal sealed record Run(string CallId, string? Trace, int Attempt, HashSet<FunctionName> Taken)
{
    /// <summary>The functions that were called with the event, in whatever run.</summary>
    public HashSet<FunctionName> Called { get; init; } = [];

    /// <summary>Whether it is done: yielded again, the event is run from its beginning.</summary>
    public bool IsOver { get; set; }
}
