using System.Diagnostics;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Microsoft.Extensions.Logging;

namespace Connectors.Sdk.Events;

/// <summary>Brings one event to its end: sent, run again in place as often as its source asks, settled. Nothing that it meets is thrown on.</summary>
internal sealed class EventRunner(FanOut fanOut, TimeProvider time, ILogger<EventRunner> log)
{
    // A source that yields at once what it has back would bring it round and round.
    private static readonly TimeSpan BrokenWait = TimeSpan.FromSeconds(1);

    /// <summary>Runs an event to its end.</summary>
    /// <param name="received">The event.</param>
    /// <param name="drain">What still holds while the process stops.</param>
    public async Task RunAsync(Received received, Drain drain)
    {
        try
        {
            if (await SettleAsync(received, drain) is { } verdict)
            {
                Metrics.EventEnded(Topic(received), verdict);
            }
        }
        catch (Exception fault)
        {
            Metrics.SettleFailed(Topic(received));
            Log.SettleFailed(log, Topic(received), Id(received), fault);
        }
    }

    private async Task<string?> SettleAsync(Received received, Drain drain)
    {
        using var abort = CancellationTokenSource.CreateLinkedTokenSource(drain.Abort, received.Withdrawn);
        using var wait = CancellationTokenSource.CreateLinkedTokenSource(drain.Stopping, received.Withdrawn);
        if (received.IsNew && !await BeginsAsync(received, wait.Token))
        {
            return null;
        }

        using var span = Span(received);
        try
        {
            var verdict = await EndAsync(received, span, drain, abort.Token, wait.Token);
            span?.SetTag("verdict", verdict).SetStatus(verdict switch { "failed" => ActivityStatusCode.Error, "abandoned" => ActivityStatusCode.Unset, _ => ActivityStatusCode.Ok });
            return verdict;
        }
        catch (Exception fault)
        {
            span?.SetStatus(ActivityStatusCode.Error, fault.Message);
            throw;
        }
    }

    // Those that are yielded again go on in the trace of their first run; those that go on from another object have a span of their own in its trace.
    private static Activity? Span(Received received) => received.IsNew && Tracing.IsOn && received.Event is { Topic: not null, Headers: not null } content
        ? Tracing.Start($"event {content.Topic}", ActivityKind.Consumer, received.Run?.Trace ?? EventRequest.Trace(content))
        : null;

    private async Task<string> EndAsync(Received received, Activity? span, Drain drain, CancellationToken abort, CancellationToken wait)
    {
        while (true)
        {
            Run run;
            Outcome? worst;
            try
            {
                run = received.Run = Next(received, span?.Id);
                span?.SetTag("callId", run.CallId);
                worst = await fanOut.SendAsync(received.Event, run, abort);
            }
            catch (Exception fault)
            {
                // An event without a topic, say: its source has it back, like what is given up.
                Log.NotRun(log, Topic(received), Id(received), fault);
                await WaitAsync(BrokenWait, wait);
                break;
            }

            if (worst is null)
            {
                return await EndWithoutFailureAsync(received, run, drain.Settling);
            }

            if (abort.IsCancellationRequested)
            {
                break;
            }

            if (await received.FailAsync(worst, run.Attempt, drain.Settling) is not { } delay)
            {
                return "failed";
            }

            if (!await WaitAsync(delay, wait))
            {
                break;
            }
        }

        await received.AbandonAsync(drain.Settling);
        return "abandoned";
    }

    // Who took it may have left the topic map meanwhile: it is done all the same.
    private static async Task<string> EndWithoutFailureAsync(Received received, Run run, CancellationToken ct)
    {
        if (run.Taken.Count > 0)
        {
            await CompleteAsync(received, run, ct);
            return "completed";
        }

        await received.UnwantedAsync(ct);
        return "unwanted";
    }

    // Its source may yield it again before it has returned. What it could not complete goes on where it stands.
    private static async Task CompleteAsync(Received received, Run run, CancellationToken ct)
    {
        run.IsOver = true;
        try
        {
            await received.CompleteAsync(ct);
        }
        catch
        {
            run.IsOver = false;
            throw;
        }
    }

    private static Run Next(Received received, string? trace)
    {
        if (received.Run is not { IsOver: false } last)
        {
            return new Run(EventRequest.CallId(received.Event), trace ?? EventRequest.Trace(received.Event), 1, []);
        }

        if (!received.IsNew)
        {
            Metrics.Rerun(received.Event.Topic);
        }

        return last with { Attempt = last.Attempt + 1, Trace = trace ?? last.Trace };
    }

    private static async Task<bool> BeginsAsync(Received received, CancellationToken ct)
    {
        try
        {
            return await received.BeginAsync(ct);
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            return false;
        }
    }

    private async Task<bool> WaitAsync(TimeSpan delay, CancellationToken ct)
    {
        try
        {
            await Task.Delay(TimeSpan.FromTicks(Math.Clamp(delay.Ticks, 0, GoDuration.Max.Ticks)), time, ct);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    // A source of others may leave out what the compiler asks for.
    private static string Topic(Received received) => received.Event?.Topic ?? "";

    private static string Id(Received received) => received.Event?.Id ?? "";
}

