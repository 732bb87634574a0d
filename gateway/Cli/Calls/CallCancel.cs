using System.CommandLine;
using Connectors.Cli.Api;
using Connectors.Cli.Printing;

namespace Connectors.Cli.Calls;

/// <summary><c>cancel</c>: waiting calls never start, running ones are aborted.</summary>
internal static class CallCancel
{
    private static readonly Argument<string[]> CallIds = Inputs.CallId<string[]>(ArgumentArity.OneOrMore);

    public static Command Create()
    {
        var command = new Command("cancel", "Cancels calls: a waiting one never starts, a running one is aborted") { CallIds };
        command.Does(RunAsync);
        return command;
    }

    private static async Task RunAsync(Session session, CancellationToken ct)
    {
        foreach (var id in session.Value(CallIds))
        {
            using var answer = await session.Gateway.AskAsync(HttpMethod.Delete, ApiPath.Call(id), null, ct);
            if (!session.IsJson)
            {
                session.Out.Report($"Call {id}: its cancellation is on its way to the workers.");
            }
        }
    }
}
