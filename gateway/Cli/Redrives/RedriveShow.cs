using System.CommandLine;
using System.Text.Json.Nodes;
using Connectors.Cli.Api;
using Connectors.Cli.Printing;

namespace Connectors.Cli.Redrives;

/// <summary><c>redrives show</c>: how far a redrive is, now or until it ends.</summary>
internal static class RedriveShow
{
    private static readonly Argument<string> Queue = Inputs.Queue();
    private static readonly Argument<string> Id = Inputs.RedriveId();
    private static readonly Option<bool> Wait = new("--wait", "-w") { Description = "Stays until it ends" };

    public static Command Create()
    {
        var command = new Command("show", "How far a redrive is") { Queue, Id, Wait };
        command.Does(RunAsync);
        return command;
    }

    /// <summary>As a table or JSON.</summary>
    public static void Print(Session session, JsonNode job)
    {
        if (session.IsJson)
        {
            session.Print(job);
            return;
        }

        Column[] facts =
        [
            new("id", "id"), new("queue", "queue"), new("function", "function"), new("reason", "reason"), new("per second", "ratePerSecond"), new("state", "state"),
            new("at letter", "position"), new("last letter", "last"), new("redriven", "redriven"), new("skipped", "skipped"),
            new("started", "startedAt"), new("updated", "updatedAt"), new("error", "error"),
        ];
        Table.Facts(session.Out, [.. facts.Select(f => (f.Title, f.Cell(job)))]);
    }

    private static async Task RunAsync(Session session, CancellationToken ct)
    {
        if (session.Value(Wait))
        {
            await RedriveWatch.UntilEndAsync(session, session.Value(Queue), session.Value(Id), ct);
            return;
        }

        Print(session, await session.Gateway.JsonAsync(HttpMethod.Get, ApiPath.Redrive(session.Value(Queue), session.Value(Id)), null, ct));
    }
}
