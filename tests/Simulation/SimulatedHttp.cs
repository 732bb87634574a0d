using System.Globalization;
using System.Net;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.Simulation.Tests;

/// <summary>The functions behind the gateway, as one worker reaches them. What was begun runs to its end, whatever becomes of who asked.</summary>
internal sealed class SimulatedFunctions(World world, Process process, Ledger ledger) : HttpMessageHandler
{
    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var call = ledger[request.Headers.GetValues(CallHeaders.DeliveryId).Single()];
        var attempt = int.Parse(request.Headers.GetValues(CallHeaders.Attempt).Single(), CultureInfo.InvariantCulture);
        var answer = call.Plan.ToAttempt(attempt);
        return Exchange.Ask(world, process, answer, asked =>
        {
            var run = new Request(process.Name, attempt, world.Elapsed, asked);
            if (answer.Status == 0)
            {
                run.Status = 503;
                call.Runs.Add(run);
                return () => { };
            }

            ledger.Runs(call, run);
            return () => ledger.Answers(call, run, answer.Status);
        }, cancellationToken);
    }
}

/// <summary>The receivers of callbacks.</summary>
internal sealed class SimulatedReceivers(World world, Process process, Ledger ledger) : HttpMessageHandler
{
    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var call = ledger[request.Headers.GetValues(CallHeaders.WebhookId).Single()];
        var answer = call.Plan.Callback[Math.Min(call.Asked++, call.Plan.Callback.Length - 1)];
        var status = int.Parse(request.Headers.GetValues(CallHeaders.FunctionStatus).Single(), CultureInfo.InvariantCulture);
        var state = request.Headers.TryGetValues(CallHeaders.CallState, out var given) ? given.Single() : null;
        return Exchange.Ask(world, process, answer, asked =>
        {
            if (answer.Status != 0)
            {
                ledger.Posts(call, new Request(process.Name, call.Asked, world.Elapsed, asked), status, state);
            }

            return () =>
            {
                // Whoever asked has given up on a slower one.
                if (answer.Status == 200 && answer.Takes < Simulation.CallbackTimeout.TotalMilliseconds)
                {
                    call.Delivered = world.Elapsed;
                }
            };
        }, cancellationToken);
    }
}

/// <summary>A request and its answer.</summary>
internal static class Exchange
{
    public static Task<HttpResponseMessage> Ask(World world, Process process, Answer answer, Func<Task, Action> begin, CancellationToken ct)
    {
        var asked = new TaskCompletionSource<HttpResponseMessage>(TaskCreationOptions.RunContinuationsAsynchronously);
        ct.Register(() => asked.TrySetCanceled(ct));
        process.Act(() => world.After(Hop(), () =>
        {
            var end = begin(asked.Task);
            world.After(TimeSpan.FromMilliseconds(answer.Takes), () =>
            {
                end();
                world.After(Hop(), () => process.Receive(() => Answer()));
            });
        }), counts: true);
        return asked.Task;

        TimeSpan Hop() => TimeSpan.FromMicroseconds(100 + world.Random.Next(400));

        bool Answer() => answer.Status == 0
            ? asked.TrySetException(new HttpRequestException("connection refused"))
            : asked.TrySetResult(new HttpResponseMessage((HttpStatusCode)answer.Status) { Content = new ByteArrayContent([]) });
    }
}
