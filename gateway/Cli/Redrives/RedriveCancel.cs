using System.CommandLine;
using Connectors.Cli.Api;

namespace Connectors.Cli.Redrives;

/// <summary><c>redrives cancel</c>: ends a redrive where it is; what was put back stays.</summary>
internal static class RedriveCancel
{
    private static readonly Argument<string> Queue = Inputs.Queue();
    private static readonly Argument<string> Id = Inputs.RedriveId();

    public static Command Create()
    {
        var command = new Command("cancel", "Ends a redrive where it is") { Queue, Id };
        command.Does(async (session, ct) =>
            RedriveShow.Print(session, await session.Gateway.JsonAsync(HttpMethod.Delete, ApiPath.Redrive(session.Value(Queue), session.Value(Id)), null, ct)));
        return command;
    }
}
