using System.CommandLine;
using Connectors.Cli.Printing;

namespace Connectors.Cli.DeadLetters;

/// <summary><c>dead list</c>: every dead letter, page after page as they are read.</summary>
internal static class DeadList
{
    private static readonly Argument<string> Queue = Inputs.Queue();
    private static readonly Option<long?> Limit = new("--limit") { Description = "At most so many; all of them unless given", HelpName = "COUNT", CustomParser = result => Inputs.ParseCount(result) };
    private static readonly Option<ulong> After = new("--after") { Description = "Begins behind the letter with this number", HelpName = "SEQ", CustomParser = Inputs.ParseSeq };

    public static Command Create()
    {
        var command = new Command("list", "Dead letters, the oldest first") { Queue, DeadFilter.FunctionOption, DeadFilter.ReasonOption, DeadFilter.SinceOption, DeadFilter.UntilOption, DeadFilter.TagOption, Limit, After };
        command.Does(RunAsync);
        return command;
    }

    private static async Task RunAsync(Session session, CancellationToken ct)
    {
        var filter = DeadFilter.Of(session, Queue);
        var pages = DeadPage.ReadAsync(session, filter, session.Value(After), session.Value(Limit) ?? long.MaxValue, ct);
        await (session.IsJson ? JsonList.WriteAsync(session, pages.SelectMany(page => page.Items)) : WriteTableAsync(session, pages));
    }

    private static async Task WriteTableAsync(Session session, IAsyncEnumerable<DeadPage> pages)
    {
        var table = new Table(
            session.Out,
            new("SEQ", "seq") { IsNumber = true },
            new("FUNCTION", "function"),
            new("KIND", "kind"),
            new("REASON", "reason"),
            new("STATUS", "status") { IsNumber = true },
            new("ATTEMPTS", "attempts") { IsNumber = true },
            new("LAST", "lastAt"),
            new("BYTES", "size") { IsNumber = true },
            new("CALL ID", "callId"));
        ulong? next = null;
        await foreach (var page in pages)
        {
            table.Add(page.Items);
            next = page.Next;
        }

        if (next is not null)
        {
            session.Error.WriteLine($"There are more: --after {next}");
        }
    }
}
