using System.CommandLine;
using System.Text.Json.Nodes;
using Connectors.Cli.Api;

namespace Connectors.Cli.Queues;

/// <summary><c>queue pause</c> and <c>queue resume</c>: of a queue, or of one function in it.</summary>
internal static class QueuePause
{
    private static readonly Argument<string> Queue = Inputs.Queue();
    private static readonly Option<string> Function = Inputs.FunctionOption("Only this function in it, not the whole queue");
    private static readonly Option<string> Reason = new("--reason") { Description = "Why, for whoever finds it paused", HelpName = "TEXT" };

    public static Command CreatePause()
    {
        var command = new Command("pause", "Starts no more calls until it is resumed; accepting goes on, and no attempt is used") { Queue, Function, Reason };
        command.Does(PauseAsync);
        return command;
    }

    public static Command CreateResume()
    {
        var command = new Command("resume", "Starts calls again") { Queue, Function };
        command.Does(ResumeAsync);
        return command;
    }

    private static async Task PauseAsync(Session session, CancellationToken ct)
    {
        var body = new JsonObject { ["reason"] = session.Value(Reason) ?? "", ["by"] = $"{Environment.UserName}@{Environment.MachineName}" };
        var pause = await session.Gateway.JsonAsync(HttpMethod.Post, $"{Of(session)}/pause", body, ct);
        if (session.IsJson)
        {
            session.Print(pause);
        }
        else
        {
            session.Out.WriteLine($"{Whose(session)} is paused. What runs goes on to its end.");
        }
    }

    private static async Task ResumeAsync(Session session, CancellationToken ct)
    {
        using var answer = await session.Gateway.AskAsync(HttpMethod.Post, $"{Of(session)}/resume", null, ct);
        if (!session.IsJson)
        {
            session.Out.WriteLine($"{Whose(session)} is not paused.");
        }
    }

    private static string Of(Session session) => ApiPath.Of(session.Value(Queue)) + (session.Value(Function) is { } function ? $"/functions/{Uri.EscapeDataString(function)}" : "");

    private static string Whose(Session session) => session.Value(Function) is { } function ? $"{function} in {session.Value(Queue)}" : session.Value(Queue);
}
