using System.CommandLine;
using Connectors.Cli.Api;
using Connectors.Cli.Printing;

namespace Connectors.Cli.Queues;

/// <summary><c>list</c>: the queues and how much lies in them.</summary>
internal static class QueueList
{
    public static Command Create()
    {
        var command = new Command("list", "The queues: waiting and delayed calls, callbacks to deliver, dead letters");
        command.Does(RunAsync);
        return command;
    }

    private static async Task RunAsync(Session session, CancellationToken ct)
    {
        var queues = await session.Gateway.JsonAsync(HttpMethod.Get, QueuePath.All, null, ct);
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
            new("CALLBACKS", "callbacks") { IsNumber = true },
            new("DEAD", "dead") { IsNumber = true }).Add(queues.AsArray());
    }
}
