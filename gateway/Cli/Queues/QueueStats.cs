using System.CommandLine;
using System.Text.Json.Nodes;
using Connectors.Cli.Api;
using Connectors.Cli.Json;
using Connectors.Cli.Printing;

namespace Connectors.Cli.Queues;

/// <summary><c>stats</c>: one queue, and each function's share of it.</summary>
internal static class QueueStats
{
    private static readonly Argument<string> Queue = Inputs.Queue();

    public static Command Create()
    {
        var command = new Command("stats", "One queue: how much, how old, and each function's share") { Queue };
        command.Does(RunAsync);
        return command;
    }

    private static async Task RunAsync(Session session, CancellationToken ct)
    {
        var stats = await session.Gateway.JsonAsync(HttpMethod.Get, ApiPath.Of(session.Value(Queue)), null, ct);
        if (session.IsJson)
        {
            session.Print(stats);
            return;
        }

        Column[] facts = [new("queue", "name"), new("calls", "calls"), new("running", "running"), new("delayed", "delayed"), new("held", "held"), new("callbacks", "callbacks"), new("dead", "dead"), new("bytes", "bytes"), new("oldest", "oldestAt"), new("paused", "paused") { Show = Paused }];
        Table.Facts(session.Out, [.. facts.Select(f => (f.Title, f.Cell(stats)))]);
        session.Out.WriteLine();
        new Table(
            session.Out,
            new("FUNCTION", "function"),
            new("CALLS", "calls") { IsNumber = true },
            new("DELAYED", "delayed") { IsNumber = true },
            new("HELD", "held") { IsNumber = true },
            new("CALLBACKS", "callbacks") { IsNumber = true },
            new("DEAD", "dead") { IsNumber = true },
            new("PAUSED", "paused") { Show = Paused }).Add(stats.Need("functions").Items());
    }

    // Of the queue itself, or of a function in it.
    private static string Paused(JsonNode? whose) =>
        whose.Find("paused") is { } pause ? QueueList.Since(pause)
        : whose.Find("breaker") is { } breaker ? $"cannot be reached since {Column.Text(breaker.Find("at"))}, next try {Column.Text(breaker.Find("probeAt"))}: {Column.Text(breaker.Find("reason"))}"
        : "-";
}
