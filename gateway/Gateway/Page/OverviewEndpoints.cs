using Connectors.Gateway.Security;
using Connectors.Sdk.Hosting;

namespace Connectors.Gateway.Page;

/// <summary>What the overview shows: once, as it changes, and as it was in the last 15 minutes.</summary>
internal sealed class OverviewEndpoints(LiveQueues queues, Acts acts, PageSessions sessions, StreamEnd streamEnd, TimeProvider time)
{
    // Each is a connection that stays open.
    private const int MaxListeners = 100;

    private int _listeners;

    public Task ShowAsync(HttpContext http)
    {
        http.Response.ContentType = "application/json; charset=utf-8";
        return http.Response.Body.WriteAsync(queues.Now.Json, http.RequestAborted).AsTask();
    }

    /// <summary>Server-sent events, each a whole overview, until the reader leaves, its session ends or the gateway stops.</summary>
    public async Task FollowAsync(HttpContext http)
    {
        if (Interlocked.Increment(ref _listeners) > MaxListeners)
        {
            Interlocked.Decrement(ref _listeners);
            http.Response.Headers.RetryAfter = "10";
            await Answer.TextAsync(http, StatusCodes.Status503ServiceUnavailable, $"{MaxListeners} already follow the queues of this gateway; /system/overview tells them once.");
            return;
        }

        using var listening = Metrics.Listening();
        using var end = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, streamEnd.Token);
        try
        {
            http.Response.ContentType = "text/event-stream";
            Answer.AsItComes(http);
            await WriteAsync(http, end.Token);
        }
        catch (OperationCanceledException)
        {
            // The reader left, or the gateway stops.
        }
        finally
        {
            Interlocked.Decrement(ref _listeners);
        }
    }

    public Task HistoryAsync(HttpContext http) => Answer.JsonAsync(http, StatusCodes.Status200OK, queues.History, PageJson.Default.QueueHistories);

    public Task ActsAsync(HttpContext http) => Answer.JsonAsync(http, StatusCodes.Status200OK, acts.Last, PageJson.Default.IReadOnlyListAct);

    private async Task WriteAsync(HttpContext http, CancellationToken ct)
    {
        // Whoever has no session begins anew once a day.
        var session = sessions.Of(http);
        var until = session?.Until ?? time.GetUtcNow().AddDays(1);
        while (time.GetUtcNow() < until && (session is null || sessions.Again(http) is not null))
        {
            var next = queues.Next;
            await http.Response.Body.WriteAsync("data: "u8.ToArray(), ct);
            await http.Response.Body.WriteAsync(queues.Now.Json, ct);
            await http.Response.Body.WriteAsync("\n\n"u8.ToArray(), ct);
            await http.Response.Body.FlushAsync(ct);
            await Signal.CameAsync(next, Left(), time, ct);
        }

        TimeSpan Left() => until - time.GetUtcNow() is var left && left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }
}
