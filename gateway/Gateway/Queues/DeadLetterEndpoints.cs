using Connectors.Gateway.Enqueueing;
using Connectors.Streams.Nats;

namespace Connectors.Gateway.Queues;

/// <summary>Dead letters: a page of them, one, redriven, deleted.</summary>
internal sealed class DeadLetterEndpoints(NatsLink link, DeadLetters letters, Redriver redriver, QueueOverview overview, GatewayOptions options)
{
    private const int DefaultLimit = 100;
    private const int MaxItems = 1000;

    public async Task ListAsync(HttpContext http, string queue)
    {
        var query = http.Request.Query;
        if (!QueueQuery.TryFunction(http, options.DefaultNamespace, out var function))
        {
            await Answer.TextAsync(http, StatusCodes.Status400BadRequest, QueueQuery.FunctionRule);
            return;
        }

        if (!QueueQuery.TryNumber(query["limit"], DefaultLimit, out var limit) || limit is < 1 or > MaxItems || !QueueQuery.TryNumber(query["after"], 0, out var after))
        {
            await Answer.TextAsync(http, StatusCodes.Status400BadRequest, $"limit: 1 to {MaxItems}; after: the number that the page before gave as next.");
            return;
        }

        await link.OpenAsync(options.Queue.PublishTimeout, http.RequestAborted);
        var filter = new DeadFilter(function, query["reason"].ToString() is { Length: > 0 } reason ? reason : null);
        var page = await DeadLetterPage.ReadAsync(letters, queue, filter, after, (int)limit, http.RequestAborted);
        if (page.Items.Count == 0 && after == 0 && await overview.FindAsync(queue, http.RequestAborted) is null)
        {
            await Answer.TextAsync(http, StatusCodes.Status404NotFound, $"There is no queue {queue}.");
            return;
        }

        await Answer.JsonAsync(http, StatusCodes.Status200OK, page, QueuesJson.Default.DeadLetterPage);
    }

    public async Task ShowAsync(HttpContext http, string queue)
    {
        if (await FindAsync(http, queue) is not { } letter)
        {
            return;
        }

        var headers = http.Response.Headers;
        foreach (var (name, value) in DeadLetterHeaders.Of(letter))
        {
            headers[name] = value;
        }

        // Whatever a caller once sent is never to be taken for a page of ours.
        headers.XContentTypeOptions = "nosniff";
        headers.ContentSecurityPolicy = "sandbox";
        http.Response.ContentType = "application/octet-stream";
        http.Response.ContentLength = letter.Body.Length;
        await http.Response.Body.WriteAsync(letter.Body, http.RequestAborted);
    }

    public async Task RedriveAsync(HttpContext http, string queue)
    {
        if (await FindAsync(http, queue) is not { } letter)
        {
            return;
        }

        if (await redriver.RedriveAsync(queue, letter, http.RequestAborted) == RedriveResult.NotOurs)
        {
            await Answer.TextAsync(http, StatusCodes.Status409Conflict, "This is no call of ours: it can be read and deleted, not redriven.");
            return;
        }

        http.Response.StatusCode = StatusCodes.Status202Accepted;
    }

    public async Task DeleteAsync(HttpContext http, string queue)
    {
        await link.OpenAsync(options.Queue.PublishTimeout, http.RequestAborted);
        if (QueueQuery.TryNumber(http.Request.RouteValues["seq"]?.ToString(), 0, out var seq) && await letters.DeleteAsync(queue, seq, http.RequestAborted))
        {
            http.Response.StatusCode = StatusCodes.Status204NoContent;
            return;
        }

        await MissingAsync(http, queue);
    }

    // Answers by itself if there is none.
    private async Task<DeadLetter?> FindAsync(HttpContext http, string queue)
    {
        await link.OpenAsync(options.Queue.PublishTimeout, http.RequestAborted);
        var letter = QueueQuery.TryNumber(http.Request.RouteValues["seq"]?.ToString(), 0, out var seq) ? await letters.FindAsync(queue, seq, http.RequestAborted) : null;
        if (letter is null)
        {
            await MissingAsync(http, queue);
        }

        return letter;
    }

    private static Task MissingAsync(HttpContext http, string queue) =>
        Answer.TextAsync(http, StatusCodes.Status404NotFound, $"The queue {queue} has no dead letter {http.Request.RouteValues["seq"]}.");
}
