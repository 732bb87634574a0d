using System.Text.Json;
using System.Text.Json.Serialization;
using Connectors.Gateway.Security;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.Gateway.Queues;

/// <summary>Queues and functions paused and resumed.</summary>
internal sealed class PauseEndpoints(PauseBook book, QueueOverview overview, GatewayOptions options, TimeProvider time, ILogger<PauseEndpoints> log)
{
    private const int MaxText = 500;

    public Task PauseAsync(HttpContext http, string queue) => ChangeAsync(http, queue, async function =>
    {
        if (await ReadAsync(http) is not { } asked || asked.Reason?.Length > MaxText || asked.By?.Length > MaxText)
        {
            await Answer.TextAsync(http, StatusCodes.Status400BadRequest, $"A JSON object is needed: reason, by, each of them optional and at most {MaxText} characters, and nothing else: a function is named in the path.");
            return;
        }

        var pause = new Pause { Reason = asked.Reason ?? "", By = string.IsNullOrEmpty(asked.By) ? Acts.Who(http) : asked.By, At = time.GetUtcNow() };
        await book.PauseAsync(queue, function, pause, http.RequestAborted);
        Log.Paused(log, queue, function?.ToString() ?? "", pause.Reason, pause.By);
        await Answer.JsonAsync(http, StatusCodes.Status200OK, PauseView.From(pause)!, QueuesJson.Default.PauseView);
    });

    public Task ResumeAsync(HttpContext http, string queue) => ChangeAsync(http, queue, async function =>
    {
        await book.ResumeAsync(queue, function, http.RequestAborted);
        Log.Resumed(log, queue, function?.ToString() ?? "", Acts.Who(http));
        http.Response.StatusCode = StatusCodes.Status204NoContent;
    });

    private async Task ChangeAsync(HttpContext http, string queue, Func<FunctionName?, Task> change)
    {
        if (!QueueQuery.TryFunction(http.Request.RouteValues["function"] as string, options.DefaultNamespace, out var function))
        {
            await Answer.TextAsync(http, StatusCodes.Status400BadRequest, QueueQuery.FunctionRule);
            return;
        }

        await (await overview.ExistsAsync(queue, http.RequestAborted) ? change(function) : QueueRoutes.NoQueueAsync(http, queue));
    }

    private static async Task<PauseRequest?> ReadAsync(HttpContext http)
    {
        try
        {
            return await QueueBody.ReadAsync(http, QueuesJson.Default.PauseRequest, new PauseRequest(null, null));
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

/// <summary>What the body of a pause may say. A function that was named in it, and not in the path, would leave the whole queue paused.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record PauseRequest(string? Reason, string? By);

/// <summary>An open breaker as it is shown.</summary>
internal sealed record BreakerView(string Reason, DateTime At, DateTime ProbeAt)
{
    public static BreakerView? From(OpenBreaker? breaker) => breaker is null ? null : new BreakerView(breaker.Reason, breaker.At.UtcDateTime, breaker.ProbeAt.UtcDateTime);
}

/// <summary>A pause as it is shown.</summary>
internal sealed record PauseView(string Reason, string By, DateTime At)
{
    public static PauseView? From(Pause? pause) => pause is null ? null : new PauseView(pause.Reason, pause.By, pause.At.UtcDateTime);
}
