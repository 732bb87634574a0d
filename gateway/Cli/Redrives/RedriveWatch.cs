using System.Text.Json.Nodes;
using Connectors.Cli.Api;
using Connectors.Cli.Json;
using Connectors.Cli.Printing;

namespace Connectors.Cli.Redrives;

/// <summary>Stays with a redrive until it ends. The job is the gateway's: it goes on without us, and when another gateway has to take it over.</summary>
internal static class RedriveWatch
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(500);

    public static async Task UntilEndAsync(Session session, string queue, string id, CancellationToken ct)
    {
        var line = new ProgressLine(session.Error, TimeProvider.System);
        try
        {
            var end = await FollowAsync(session, queue, id, line, ct);
            line.End();
            Conclude(session, end, queue);
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            line.End();
            session.Error.WriteLine($"The redrive goes on in the gateway. {Hint(queue, id)}");
            throw;
        }
    }

    private static async Task<RedriveProgress> FollowAsync(Session session, string queue, string id, ProgressLine line, CancellationToken ct)
    {
        var time = TimeProvider.System;
        var endurance = new Endurance(time);
        while (true)
        {
            try
            {
                var job = new RedriveProgress(await session.Gateway.JsonAsync(HttpMethod.Get, ApiPath.Redrive(queue, id), null, ct));
                if (!job.IsRunning)
                {
                    return job;
                }

                endurance.Answered();
                line.Tell($"Redrive {id}: {job.Counts}, {job.Place}{(job.Fault is { } fault ? $"; interrupted {Plain.OneLine(fault)}" : "")}");
            }
            catch (CommandFailure failure) when (failure.MayPass)
            {
                if (!endurance.Bears(failure))
                {
                    line.End();
                    throw new CommandFailure($"{failure.Message} The redrive goes on with the next gateway. {Hint(queue, id)}");
                }

                line.Tell($"Redrive {id}: waiting for the gateway");
            }

            await Task.Delay(Look, time, ct);
        }
    }

    private static void Conclude(Session session, RedriveProgress end, string queue)
    {
        if (session.IsJson)
        {
            session.Print(end.Job);
        }

        if (!end.IsDone)
        {
            throw new CommandFailure($"The redrive is {end.State} {end.Place}: {end.Counts}.{(end.Fault is { } fault ? $" {Plain.OneLine(fault)} What is left can be redriven again." : "")}");
        }

        if (!session.IsJson)
        {
            session.Out.WriteLine($"The redrive of {queue} is done: {end.Counts}.");
        }
    }

    private static string Hint(string queue, string id) =>
        $"To look at it: connectors redrives show {queue} {id}; to end it: connectors redrives cancel {queue} {id}";
}

/// <summary>A redrive as the gateway shows it, in words.</summary>
internal sealed record RedriveProgress(JsonNode Job)
{
    public bool IsRunning => State == "running";

    public bool IsDone => State == "done";

    public string State => Job.Need("state").As<string>();

    public string Counts => $"{Job.Need("redriven").As<long>()} redriven, {Job.Need("skipped").As<long>()} skipped";

    /// <summary>Where it is: letters are numbered as they died, with gaps where others were removed.</summary>
    public string Place => $"at letter {Job.Need("position").As<ulong>()} of {Job.Need("last").As<ulong>()}";

    public string? Fault => Job.Find("error")?.As<string>();
}
