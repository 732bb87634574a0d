using System.CommandLine;
using Connectors.Cli.Api;
using Connectors.Cli.Json;
using Connectors.Cli.Printing;

namespace Connectors.Cli.Redrives;

/// <summary><c>redrives list</c>: those that go on, and those that ended within a week.</summary>
internal static class RedriveList
{
    private static readonly Argument<string> Queue = Inputs.Queue();

    public static Command Create()
    {
        var command = new Command("list", "The redrives of a queue, the latest first") { Queue };
        command.Does(RunAsync);
        return command;
    }

    private static async Task RunAsync(Session session, CancellationToken ct)
    {
        var jobs = await session.Gateway.JsonAsync(HttpMethod.Get, ApiPath.Redrives(session.Value(Queue)), null, ct);
        if (session.IsJson)
        {
            session.Print(jobs);
            return;
        }

        new Table(
            session.Out,
            new("ID", "id"),
            new("STATE", "state"),
            new("FUNCTION", "function"),
            new("REASON", "reason"),
            new("REDRIVEN", "redriven") { IsNumber = true },
            new("SKIPPED", "skipped") { IsNumber = true },
            new("STARTED", "startedAt"),
            new("UPDATED", "updatedAt")).Add(jobs.Items());
    }
}
