using System.Text.Json;
using Connectors.Gateway.Security;

namespace Connectors.Gateway.Queues;

/// <summary>Redrive jobs: begun, listed, looked at, cancelled.</summary>
internal sealed class RedriveEndpoints(DeadLetters letters, RedriveJobs jobs, QueueOverview overview, GatewayOptions options, TimeProvider time)
{
    public async Task StartAsync(HttpContext http, string queue)
    {
        var (asked, fault) = await ReadAsync(http);
        if (asked is null || asked.HasEmpty() || asked.RatePerSecond is not (null or (>= RedriveJob.MinRate and <= RedriveJob.MaxRate))
            || DeadFilter.TryRead(asked.Function, asked.Reason, asked.Since, asked.Until, asked.Tag, options.DefaultNamespace, time) is not { } filter)
        {
            await Answer.TextAsync(
                http, StatusCodes.Status400BadRequest, $"{fault}A JSON object is needed: function, reason, since, until, tag, last, ratePerSecond ({RedriveJob.MinRate} to {RedriveJob.MaxRate}), each of them optional, none an empty text. {DeadFilter.Rule}{QueryTime.Hint(asked?.Since, asked?.Until)}");
            return;
        }

        if (await letters.LastAsync(queue, http.RequestAborted) is not { } last)
        {
            await Answer.TextAsync(http, StatusCodes.Status404NotFound, $"The queue {queue} has no dead letters.");
            return;
        }

        // Before the job: it must not be told that none was begun because its letters cannot be counted.
        var count = await letters.CountAsync(queue, filter.Function, http.RequestAborted);
        var now = time.GetUtcNow().UtcDateTime;
        var job = new RedriveJob
        {
            Id = Guid.NewGuid().ToString("N"),
            Queue = queue,
            Function = filter.Function?.ToString(),
            Reason = filter.Reason,
            Since = filter.Since?.UtcDateTime,
            Until = filter.Until?.UtcDateTime,
            Tag = filter.Tag,
            RatePerSecond = asked.RatePerSecond,
            State = RedriveState.Running,
            Last = Math.Min(last, asked.Last ?? last),
            StartedAt = now,
            UpdatedAt = now,
        };
        await jobs.CreateAsync(job, CancellationToken.None);
        Acts.Counted(http, count);
        await Answer.JsonAsync(http, StatusCodes.Status202Accepted, new JobStarted(job.Id), QueuesJson.Default.JobStarted);
    }

    public async Task ListAsync(HttpContext http, string queue) => await (await overview.ExistsAsync(queue, http.RequestAborted)
        ? Answer.JsonAsync(http, StatusCodes.Status200OK, await jobs.ListAsync(queue, http.RequestAborted), QueuesJson.Default.IReadOnlyListRedriveJob)
        : QueueRoutes.NoQueueAsync(http, queue));

    public async Task ShowAsync(HttpContext http, string queue) => await (await FindAsync(http, queue) is { } stored
        ? Answer.JsonAsync(http, StatusCodes.Status200OK, stored.Job, QueuesJson.Default.RedriveJob)
        : MissingAsync(http, queue));

    public async Task CancelAsync(HttpContext http, string queue)
    {
        while (await FindAsync(http, queue) is { } stored)
        {
            // Between two letters the runner writes too; whoever is second reads again.
            var job = stored.Job.State == RedriveState.Running ? stored.Job with { State = RedriveState.Cancelled, Error = null, UpdatedAt = time.GetUtcNow().UtcDateTime } : stored.Job;
            if (job == stored.Job || await jobs.ChangeAsync(stored, job, http.RequestAborted) is not null)
            {
                await Answer.JsonAsync(http, StatusCodes.Status200OK, job, QueuesJson.Default.RedriveJob);
                return;
            }
        }

        await MissingAsync(http, queue);
    }

    private async Task<StoredJob?> FindAsync(HttpContext http, string queue) =>
        Guid.TryParseExact(http.Request.RouteValues["id"] as string, "N", out var id)
        && await jobs.FindAsync(id.ToString("N"), http.RequestAborted) is { } stored
        && stored.Job.Queue == queue
            ? stored
            : null;

    // Null with a sentence that names what is wrong.
    private static async Task<(RedriveRequest? Asked, string Fault)> ReadAsync(HttpContext http)
    {
        try
        {
            return (await QueueBody.ReadAsync(http, QueuesJson.Default.RedriveRequest, new RedriveRequest()), "");
        }
        catch (JsonException broken)
        {
            return (null, $"{broken.Path ?? "$"} is not what it should be. ");
        }
    }

    private static Task MissingAsync(HttpContext http, string queue) =>
        Answer.TextAsync(http, StatusCodes.Status404NotFound, $"The queue {queue} has no redrive {http.Request.RouteValues["id"]}.");
}
