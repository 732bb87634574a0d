using Connectors.Gateway.Enqueueing;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using NATS.Client.Core;

namespace Connectors.Gateway.Queues;

/// <summary>The Queues API below <c>/system/queues</c> (docs/queues.md).</summary>
internal static class QueueRoutes
{
    private const string Root = "/system/queues";

    public static void Map(IEndpointRouteBuilder routes)
    {
        var queues = routes.ServiceProvider.GetRequiredService<QueueEndpoints>();
        var pauses = routes.ServiceProvider.GetRequiredService<PauseEndpoints>();
        var delayed = routes.ServiceProvider.GetRequiredService<DelayedCalls>();
        var dead = routes.ServiceProvider.GetRequiredService<DeadLetterEndpoints>();
        var edits = routes.ServiceProvider.GetRequiredService<DeadEditEndpoint>();
        var redrives = routes.ServiceProvider.GetRequiredService<RedriveEndpoints>();
        var link = routes.ServiceProvider.GetRequiredService<NatsLink>();
        var options = routes.ServiceProvider.GetRequiredService<QueueOptions>();

        Add("GET", "", queues.ListAsync);
        AddQueue("GET", "", queues.ShowAsync);
        AddQueue("DELETE", "/calls", queues.PurgeAsync);
        AddQueue("GET", "/calls/count", queues.CountAsync);
        AddQueue("POST", "/pause", pauses.PauseAsync);
        AddQueue("POST", "/resume", pauses.ResumeAsync);
        AddQueue("POST", "/functions/{function}/pause", pauses.PauseAsync);
        AddQueue("POST", "/functions/{function}/resume", pauses.ResumeAsync);
        AddQueue("GET", "/delayed", delayed.ListAsync);
        AddQueue("GET", "/dead", dead.ListAsync);
        AddQueue("DELETE", "/dead", dead.DeleteManyAsync);
        AddQueue("GET", "/dead/count", dead.CountAsync);
        AddQueue("GET", "/dead/{seq}", dead.ShowAsync);
        AddQueue("GET", "/dead/{seq}/request", dead.ShowRequestAsync);
        AddQueue("DELETE", "/dead/{seq}", dead.DeleteAsync);
        AddQueue("POST", "/dead/{seq}/redrive", dead.RedriveAsync);
        AddQueue("POST", "/dead/{seq}/edit", edits.EditAsync);
        AddQueue("GET", "/redrives", redrives.ListAsync);
        AddQueue("POST", "/redrives", redrives.StartAsync);
        AddQueue("GET", "/redrives/{id}", redrives.ShowAsync);
        AddQueue("DELETE", "/redrives/{id}", redrives.CancelAsync);

        void Add(string method, string path, Func<HttpContext, Task> handle) => routes.MapMethods(Root + path, [method], http => GuardAsync(http, link, options, handle));

        void AddQueue(string method, string path, Func<HttpContext, string, Task> handle) =>
            Add(method, "/{queue}" + path, http => handle(http, (string)http.Request.RouteValues["queue"]!)); // The route has it.
    }

    /// <summary>Answers a request about queues; one that cannot be answered because NATS is off or away gets an answer that says so.</summary>
    public static async Task GuardAsync(HttpContext http, QueueOptions options, Func<HttpContext, Task> handle)
    {
        if (!options.Nats.IsSet)
        {
            await Answer.TextAsync(http, StatusCodes.Status404NotFound, QueueOptions.Off);
            return;
        }

        try
        {
            await handle(http);
        }
        catch (NatsPayloadTooLargeException fault) when (!http.Response.HasStarted)
        {
            await new Refusal(StatusCodes.Status413PayloadTooLarge, $"It is larger than the queue takes: {fault.Message}.").AnswerAsync(http);
        }
        catch (Exception fault) when (!http.Response.HasStarted && fault is NatsException or NotStoredException or ConfigurationException)
        {
            await Refusal.NotStored($"The queue cannot be asked: {fault.Message}.").AnswerAsync(http);
        }
        catch (OperationCanceledException) when (!http.Response.HasStarted && !http.RequestAborted.IsCancellationRequested)
        {
            await Refusal.NotStored("The queue does not answer.").AnswerAsync(http);
        }
    }

    /// <summary>The same once NATS is there, for which it waits as long as a call waits to be stored; what is no queue's name in the route is 404 before that.</summary>
    public static Task GuardAsync(HttpContext http, NatsLink link, QueueOptions options, Func<HttpContext, Task> handle) => GuardAsync(http, options, async asked =>
    {
        if (asked.Request.RouteValues["queue"] is string queue && !StreamNames.QueueName().IsMatch(queue))
        {
            await Answer.TextAsync(asked, StatusCodes.Status404NotFound, $"No queue has such a name; allowed: {StreamNames.QueueRule}.");
            return;
        }

        await link.OpenAsync(options.PublishTimeout, asked.RequestAborted);
        await handle(asked);
    });

    /// <summary>Says that there is none of this name.</summary>
    public static Task NoQueueAsync(HttpContext http, string queue) => Answer.TextAsync(http, StatusCodes.Status404NotFound, $"There is no queue {queue}.");
}
