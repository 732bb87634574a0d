using System.CommandLine;
using System.Globalization;
using Connectors.Cli.Api;
using Connectors.Cli.Json;
using Connectors.Cli.Printing;

namespace Connectors.Cli.Queues;

/// <summary><c>delayed</c>: calls whose time has not come, a page of them.</summary>
internal static class DelayedList
{
    private static readonly Argument<string> Queue = Inputs.Queue();
    private static readonly Option<string> Function = Inputs.FunctionOption("Only calls of this function");
    private static readonly Option<int> Limit = new("--limit") { Description = "At most so many, up to 1000", HelpName = "COUNT", DefaultValueFactory = _ => 100 };
    private static readonly Option<ulong> After = new("--after") { Description = "Begins behind the call with this number", HelpName = "SEQ", CustomParser = Inputs.ParseSeq };

    public static Command Create()
    {
        var command = new Command("delayed", "Calls whose time has not come, in the order in which they were accepted") { Queue, Function, Limit, After };
        command.Does(RunAsync);
        return command;
    }

    private static async Task RunAsync(Session session, CancellationToken ct)
    {
        var query = ApiPath.Query(
            ("function", session.Value(Function)),
            ("limit", session.Value(Limit).ToString(CultureInfo.InvariantCulture)),
            ("after", session.Value(After).ToString(CultureInfo.InvariantCulture)));
        var page = await session.Gateway.JsonAsync(HttpMethod.Get, $"{ApiPath.Of(session.Value(Queue))}/delayed{query}", null, ct);
        if (session.IsJson)
        {
            session.Print(page.Need("items"));
        }
        else
        {
            new Table(
                session.Out,
                new("SEQ", "seq") { IsNumber = true },
                new("FUNCTION", "function"),
                new("DUE", "dueAt"),
                new("SUBMITTED", "submittedAt"),
                new("BYTES", "size") { IsNumber = true },
                new("CALL ID", "callId")).Add(page.Need("items").Items());
        }

        if (page.Find("next")?.As<ulong>() is { } next)
        {
            session.Error.WriteLine($"There are more: --after {next}");
        }
    }
}
