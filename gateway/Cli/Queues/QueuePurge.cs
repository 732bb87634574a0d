using System.CommandLine;
using System.Text.Json.Nodes;
using Connectors.Cli.Api;
using Connectors.Cli.Json;

namespace Connectors.Cli.Queues;

/// <summary><c>purge</c>: removes waiting calls for good.</summary>
internal static class QueuePurge
{
    private static readonly Argument<string> Queue = Inputs.Queue();
    private static readonly Option<string> Function = Inputs.FunctionOption("Only calls of this function");

    public static Command Create()
    {
        var command = new Command("purge", "Removes waiting, delayed and held calls for good; what runs goes on, callbacks and dead letters stay") { Queue, Function, SharedOptions.DryRun, SharedOptions.Yes };
        command.Does(RunAsync);
        return command;
    }

    private static async Task RunAsync(Session session, CancellationToken ct)
    {
        var queue = session.Value(Queue);
        var function = session.Value(Function);
        var whose = function is null ? queue : $"{function} in {queue}";
        if (session.Value(SharedOptions.DryRun))
        {
            var count = await CountAsync(session, queue, function, ct);
            if (session.IsJson)
            {
                session.Print(count);
            }
            else
            {
                session.Out.WriteLine($"{Counted.Of(count)} waiting, delayed and held calls of {whose}.");
            }

            return;
        }

        await session.ConfirmAsync(async () => $"Remove the waiting, delayed and held calls of {whose} for good, {Counted.Of(await CountAsync(session, queue, function, ct))} now?", ct);

        var answer = await session.Gateway.JsonAsync(HttpMethod.Delete, ApiPath.WaitingCalls(queue) + ApiPath.Query(("function", function)), null, ct);
        if (session.IsJson)
        {
            session.Print(answer);
            return;
        }

        session.Out.WriteLine($"{answer.Need("purged").As<long>()} waiting, delayed and held calls of {whose} are gone.");
        session.TellOfKeys();
    }

    // By the gateway, which alone knows what namespace a name without one means.
    private static Task<JsonNode> CountAsync(Session session, string queue, string? function, CancellationToken ct) =>
        session.Gateway.JsonAsync(HttpMethod.Get, $"{ApiPath.WaitingCalls(queue)}/count{ApiPath.Query(("function", function))}", null, ct);
}
