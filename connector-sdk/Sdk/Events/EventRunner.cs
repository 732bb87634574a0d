using System.Diagnostics;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Microsoft.Extensions.Logging;

namespace Connectors.Sdk.Events;

/// <summary>Brings one event to its end: sent, run again in place as often as its source asks, settled. Nothing that it meets is thrown on.</summary>
internal sealed class EventRunner(FanOut fanOut, TimeProvider time, ILogger<EventRunner> log)
{
    /// <summary>Runs an event to its end.</summary>
    /// <param name="received">The event.</param>
    /// <param name="drain">What still holds while the process stops.</param>
    public async Task RunAsync(Received received, Drain drain)
    {
        try
        {
            if (await SettleAsync(received, drain) is { } verdict)
            {
                Metrics.EventEnded(received.Event.Topic, verdict);
            }
        }
        catch (Exception fault)
        {
            Metrics.SettleFailed(received.Event.Topic);
            Log.SettleFailed(log, received.Event.Topic, received.Event.Id, fault);
        }
    }

    private async Task<string?> SettleAsync(Received received, Drain drain)
    {
        using var abort = CancellationTokenSource.CreateLinkedTokenSource(drain.Abort, received.Withdrawn);
        using var wait = CancellationTokenSource.CreateLinkedTokenSource(drain.Stopping, received.Withdrawn);
        if (received.Run is null && !await BeginsAsync(received, wait.Token))
        {
            return null;
        }

        using var span = Span(received);
        try
        {
            var verdict = await EndAsync(received, span?.Id, drain, abort.Token, wait.Token);
            span?.SetTag("verdict", verdict).SetStatus(verdict switch { "failed" => ActivityStatusCode.Error, "abandoned" => ActivityStatusCode.Unset, _ => ActivityStatusCode.Ok });
            return verdict;
        }
        catch (Exception fault)
        {
            span?.SetStatus(ActivityStatusCode.Error, fault.Message);
            throw;
        }
        finally
        {
            span?.SetTag("callId", received.Run?.CallId);
        }
    }

    // Those that are yielded again go on in the trace of their first run.
    private static Activity? Span(Received received) => received.Run is null && Tracing.IsOn
        ? Tracing.Start($"event {received.Event.Topic}", ActivityKind.Consumer, EventRequest.Trace(received.Event))
        : null;

    private async Task<string> EndAsync(Received received, string? trace, Drain drain, CancellationToken abort, CancellationToken wait)
    {
        while (true)
        {
            var run = received.Run = Next(received, trace);
            var worst = await fanOut.SendAsync(received.Event, run, abort);
            if (worst is null)
            {
                // Who took it may have left the topic map meanwhile: it is done all the same.
                if (run.Taken.Count > 0)
                {
                    await received.CompleteAsync(drain.Settling);
                    return "completed";
                }

                await received.UnwantedAsync(drain.Settling);
                return "unwanted";
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

    private static Run Next(Received received, string? trace)
    {
        if (received.Run is not { } last)
        {
            return new Run(EventRequest.CallId(received.Event), trace ?? EventRequest.Trace(received.Event), 1, []);
        }

        Metrics.Rerun(received.Event.Topic);
        return last with { Attempt = last.Attempt + 1 };
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
            await Task.Delay(delay, time, ct);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }
}

