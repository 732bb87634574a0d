using System.CommandLine;
using System.Text.Json.Nodes;
using Connectors.Cli.Api;
using Connectors.Cli.Json;
using Connectors.Cli.Printing;

namespace Connectors.Cli.Queues;

/// <summary><c>list</c>: the queues and how much lies in them.</summary>
internal static class QueueList
{
    public static Command Create()
    {
        var command = new Command("list", "The queues: waiting, delayed and held calls, callbacks to deliver, dead letters, and what is paused");
        command.Does(RunAsync);
        return command;
    }

    private static async Task RunAsync(Session session, CancellationToken ct)
    {
        var queues = await session.Gateway.JsonAsync(HttpMethod.Get, ApiPath.All, null, ct);
        if (session.IsJson)
        {
            session.Print(queues);
            return;
        }

        new Table(
            session.Out,
            new("QUEUE", "name"),
            new("CALLS", "calls") { IsNumber = true },
            new("DELAYED", "delayed") { IsNumber = true },
            new("HELD", "held") { IsNumber = true },
            new("CALLBACKS", "callbacks") { IsNumber = true },
            new("DEAD", "dead") { IsNumber = true },
            new("PAUSED", "pausedFunctions") { Show = Paused }).Add(queues.Items());
        var unknown = queues.Items().Select(queue => queue.Find("unknown")).OfType<JsonNode>().SelectMany(streams => streams.Items()).Select(stream => stream.As<string>()).ToList();
        if (unknown.Count > 0)
        {
            session.Error.WriteLine(Plain.OneLine($"NATS tells nothing of {string.Join(", ", unknown)}: what lies there is not known."));
        }
    }

    /// <summary>A pause in words.</summary>
    public static string Since(JsonNode pause) => $"since {Column.Text(pause.Find("at"))} by {Column.Text(pause.Find("by"))}: {Column.Text(pause.Find("reason"))}";

    // The queue's own pause, the functions that are paused in it, and those that cannot be reached.
    private static string Paused(JsonNode? queue)
    {
        var own = queue.Find("paused") is { } pause ? [Since(pause)] : Array.Empty<string>();
        var functions = queue.Find("pausedFunctions")?.Items().Select(name => name.As<string>()) ?? [];
        var unreachable = queue.Find("unreachableFunctions")?.Items().Select(name => $"{name.As<string>()} (cannot be reached)") ?? [];
        return string.Join(", ", own.Concat(functions).Concat(unreachable)) is { Length: > 0 } text ? text : "-";
    }
}
