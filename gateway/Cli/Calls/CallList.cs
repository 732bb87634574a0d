using System.CommandLine;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Connectors.Cli.Api;
using Connectors.Cli.Json;
using Connectors.Cli.Printing;

namespace Connectors.Cli.Calls;

/// <summary><c>calls list</c>: ended calls, the newest first, page after page as they are read.</summary>
internal static class CallList
{
    private const long MaxPage = 1000;
    private const long DefaultLimit = 100;

    public static readonly Option<string> Function = Inputs.FunctionOption("Only calls of this function");
    public static readonly Option<string> Queue = Inputs.QueueOption("Only calls of this queue");
    private static readonly Option<string> State = CreateState();
    private static readonly Option<DateTimeOffset?> Since = Inputs.TimeOption("--since", "Only calls that ended from then on");
    private static readonly Option<DateTimeOffset?> Until = Inputs.TimeOption("--until", "Only calls that ended before then");
    public static readonly Option<string> Tag = Inputs.FilterOption("Only calls with this tag", "TAG", "--tag");
    private static readonly Option<long?> Limit = new("--limit") { Description = $"At most so many; {DefaultLimit} unless given", HelpName = "COUNT", CustomParser = result => Inputs.ParseCount(result) };
    private static readonly Option<string> After = Inputs.FilterOption("Goes on behind an earlier list, which said where", "PLACE", "--after");

    public static Command Create()
    {
        var command = new Command("list", "Calls that ended, the newest first") { Function, Queue, State, Since, Until, Tag, Limit, After };
        command.Does(RunAsync);
        return command;
    }

    private static async Task RunAsync(Session session, CancellationToken ct)
    {
        var pages = ReadAsync(session, ct);
        await (session.IsJson ? JsonList.WriteAsync(session, pages.SelectMany(page => page.Items)) : WriteTableAsync(session, pages));
    }

    private static async Task WriteTableAsync(Session session, IAsyncEnumerable<Page> pages)
    {
        var table = new Table(
            session.Out,
            new("ENDED", "endedAt"),
            new("FUNCTION", "function"),
            new("STATE", "state"),
            new("REASON", "reason"),
            new("STATUS", "status") { IsNumber = true },
            new("ATTEMPTS", "attempts") { IsNumber = true },
            new("SECONDS", "seconds") { IsNumber = true },
            new("CALL ID", "callId"));
        string? next = null;
        await foreach (var page in pages)
        {
            table.Add(page.Items);
            next = page.Next;
        }

        if (next is not null)
        {
            session.Error.WriteLine($"There may be more: --after {next}");
        }
    }

    private static async IAsyncEnumerable<Page> ReadAsync(Session session, [EnumeratorCancellation] CancellationToken ct)
    {
        var limit = session.Value(Limit) ?? DefaultLimit;
        var next = session.Value(After);
        do
        {
            var query = ApiPath.Query(
                ("function", session.Value(Function)),
                ("queue", session.Value(Queue)),
                ("state", session.Value(State)),
                ("since", Inputs.Text(session.Value(Since))),
                ("until", Inputs.Text(session.Value(Until))),
                ("tag", session.Value(Tag)),
                ("limit", Math.Min(limit, MaxPage).ToString(CultureInfo.InvariantCulture)),
                ("after", next));
            var answer = await session.Gateway.JsonAsync(HttpMethod.Get, ApiPath.Calls + query, null, ct);
            var page = new Page(answer.Need("items").Items(), answer.Find("next")?.As<string>());
            yield return page;
            limit -= page.Items.Count;
            next = page.Next;
        }
        while (next is not null && limit > 0);
    }

    private static Option<string> CreateState()
    {
        var state = Inputs.FilterOption("Only calls that ended so: succeeded, dead, cancelled or expired; several with commas in between", "STATE", "--state");
        state.CompletionSources.Add("succeeded", "dead", "cancelled", "expired");
        return state;
    }

    private sealed record Page(IReadOnlyList<JsonNode> Items, string? Next);
}
