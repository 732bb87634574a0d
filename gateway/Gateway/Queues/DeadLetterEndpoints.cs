using Connectors.Gateway.Security;

namespace Connectors.Gateway.Queues;

/// <summary>Dead letters: a page of them, one, redriven, deleted; and how many there are of a kind, deleted together.</summary>
internal sealed class DeadLetterEndpoints(
    DeadLetters letters, Redriver redriver, QueueOverview overview, GatewayOptions options, TimeProvider time, ILogger<DeadLetterEndpoints> log)
{
    public const string NotOurs = "This is no call of ours: it can be read and deleted, not redriven.";

    public async Task ListAsync(HttpContext http, string queue)
    {
        if (await FilterAsync(http) is not { } filter)
        {
            return;
        }

        if (!QueueQuery.TryPage(http, out var limit, out var after))
        {
            await Answer.TextAsync(http, StatusCodes.Status400BadRequest, QueueQuery.PageRule);
            return;
        }

        var page = await DeadLetterPage.ReadAsync(letters, queue, filter, after, limit, http.RequestAborted);
        if (page.Items.Count == 0 && after == 0 && !await overview.ExistsAsync(queue, http.RequestAborted))
        {
            await QueueRoutes.NoQueueAsync(http, queue);
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

    /// <summary>What its body does not tell.</summary>
    public async Task ShowRequestAsync(HttpContext http, string queue)
    {
        if (await FindAsync(http, queue) is { } letter)
        {
            await Answer.JsonAsync(http, StatusCodes.Status200OK, DeadLetterRequest.Of(letter), QueuesJson.Default.DeadLetterRequest);
        }
    }

    public async Task CountAsync(HttpContext http, string queue)
    {
        if (await FilterAsync(http) is not { } filter)
        {
            return;
        }

        if (!await overview.ExistsAsync(queue, http.RequestAborted))
        {
            await QueueRoutes.NoQueueAsync(http, queue);
            return;
        }

        // The first dead letter makes the stream.
        var last = await letters.LastAsync(queue, http.RequestAborted);
        var (count, isComplete) = last is { } latest ? await letters.CountAsync(queue, filter, latest, http.RequestAborted) : (0, true);
        await Answer.JsonAsync(
            http, StatusCodes.Status200OK, new Counted(count, isComplete, last ?? 0, filter.Since?.UtcDateTime, filter.Until?.UtcDateTime), QueuesJson.Default.Counted);
    }

    /// <summary>
    /// What dies meanwhile is not meant. Broken off, it has deleted some, and goes on when it is asked again. In parts (<c>limit</c>), whoever asks sees how far it is,
    /// also where those that are meant lie far between; <c>last</c>, as a count gave it, holds every part to the letters that were there then.
    /// </summary>
    public async Task DeleteManyAsync(HttpContext http, string queue)
    {
        if (await FilterAsync(http) is not { } filter)
        {
            return;
        }

        if (filter.IsAll && http.Request.Query["all"] != "true")
        {
            await Answer.TextAsync(http, StatusCodes.Status400BadRequest, "function, reason, since, until or tag is needed, or all=true.");
            return;
        }

        var query = http.Request.Query;
        if (!QueueQuery.TryNumber(query["limit"], ulong.MaxValue, out var limit) || limit == 0
            || !QueueQuery.TryNumber(query["after"], 0, out var after)
            || !QueueQuery.TryNumber(query["last"], ulong.MaxValue, out var upTo))
        {
            await Answer.TextAsync(http, StatusCodes.Status400BadRequest, "limit: a number above 0; after: the number that the part before gave as next; last: the number that the count gave.");
            return;
        }

        if (await letters.LastAsync(queue, http.RequestAborted) is not { } last)
        {
            await Answer.TextAsync(http, StatusCodes.Status404NotFound, $"The queue {queue} has no dead letters.");
            return;
        }

        await DeletePartAsync(http, queue, filter, after, Math.Min(last, upTo), limit);
    }

    public async Task RedriveAsync(HttpContext http, string queue)
    {
        if (await FindAsync(http, queue) is not { } letter)
        {
            return;
        }

        if (await redriver.RedriveAsync(queue, letter, edited: null) == RedriveResult.NotOurs)
        {
            await Answer.TextAsync(http, StatusCodes.Status409Conflict, NotOurs);
            return;
        }

        Log.DeadLetterRedriven(log, queue, letter.Seq, letter.Function, Acts.Who(http));
        http.Response.StatusCode = StatusCodes.Status202Accepted;
    }

    public async Task DeleteAsync(HttpContext http, string queue)
    {
        if (QueueQuery.TryNumber(http.Request.RouteValues["seq"]?.ToString(), 0, out var seq) && await letters.DeleteAsync(queue, seq))
        {
            Metrics.DeadLetterHandled(queue, "deleted");
            Log.DeadLetterDeleted(log, queue, seq, Acts.Who(http));
            http.Response.StatusCode = StatusCodes.Status204NoContent;
            return;
        }

        await MissingAsync(http, queue);
    }

    private async Task DeletePartAsync(HttpContext http, string queue, DeadFilter filter, ulong after, ulong last, ulong limit)
    {
        var (deleted, met, next, started) = (0L, 0ul, (ulong?)null, time.GetTimestamp());
        try
        {
            await foreach (var (at, meant) in letters.SearchAsync(queue, filter, after, last, http.RequestAborted))
            {
                foreach (var seq in meant)
                {
                    if (met++ == limit)
                    {
                        next = after;
                        break;
                    }

                    http.RequestAborted.ThrowIfCancellationRequested();
                    deleted += await letters.DeleteAsync(queue, seq) ? 1 : 0;
                    after = seq;
                }

                if (next is not null)
                {
                    break;
                }

                after = at;
                if (limit < ulong.MaxValue && at < last && time.GetElapsedTime(started) >= DeadLetters.MaxSearch)
                {
                    next = at;
                    break;
                }
            }
        }
        finally
        {
            Acts.Counted(http, deleted);
            Metrics.DeadLetterHandled(queue, "deleted", deleted);
            Log.DeadLettersDeleted(log, queue, deleted, filter.Function?.ToString(), filter.Reason, filter.Since, filter.Until, filter.Tag, Acts.Who(http));
        }

        await Answer.JsonAsync(http, StatusCodes.Status200OK, new Deleted(deleted, next), QueuesJson.Default.Deleted);
    }

    // Answers by itself if it cannot be read.
    private async Task<DeadFilter?> FilterAsync(HttpContext http)
    {
        var query = http.Request.Query;
        var filter = DeadFilter.TryRead(query["function"], query["reason"], query["since"], query["until"], query["tag"], options.DefaultNamespace, time);
        if (filter is null)
        {
            await Answer.TextAsync(http, StatusCodes.Status400BadRequest, DeadFilter.Rule + QueryTime.Hint(query["since"], query["until"]));
        }

        return filter;
    }

    /// <summary>The letter that a request names; null if there is none, which is answered.</summary>
    public async Task<DeadLetter?> FindAsync(HttpContext http, string queue)
    {
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
