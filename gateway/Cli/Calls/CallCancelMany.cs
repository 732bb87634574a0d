using System.CommandLine;
using System.Text.Json.Nodes;
using Connectors.Cli.Api;

namespace Connectors.Cli.Calls;

/// <summary><c>calls cancel</c>: all waiting calls of a kind, or how many they are.</summary>
internal static class CallCancelMany
{
    private static readonly Option<string> State = CreateState();
    private static readonly Option<DateTimeOffset?> Since = Inputs.TimeOption("--since", "Only calls that were accepted from then on");
    private static readonly Option<DateTimeOffset?> Until = Inputs.TimeOption("--until", "Only calls that were accepted before then");
    private static readonly Option<bool> All = new("--all") { Description = "All calls that wait, without any filter" };

    public static Command Create()
    {
        var command = new Command("cancel", "Cancels all waiting calls of a kind; what runs goes on, and is not tried again")
        {
            CallList.Function, CallList.Queue, State, Since, Until, CallList.Tag, All, SharedOptions.DryRun, SharedOptions.Yes,
        };
        command.Does(RunAsync);
        return command;
    }

    private static async Task RunAsync(Session session, CancellationToken ct)
    {
        (string Name, string? Value)[] filter =
        [
            ("function", session.Value(CallList.Function)),
            ("queue", session.Value(CallList.Queue)),
            ("state", session.Value(State)),
            ("since", Inputs.Text(session.Value(Since))),
            ("until", Inputs.Text(session.Value(Until))),
            ("tag", session.Value(CallList.Tag)),
        ];
        var words = string.Join(", ", filter.Where(word => word.Value is not null).Select(word => $"{word.Name} {word.Value}"));
        if (words.Length == 0 != session.Value(All))
        {
            throw CommandFailure.Usage("Either --all, or some of --function, --queue, --state, --since, --until and --tag.");
        }

        var whose = words.Length == 0 ? "of all queues" : $"with {words}";
        if (session.Value(SharedOptions.DryRun))
        {
            var count = await CountAsync(session, filter, ct);
            if (session.IsJson)
            {
                session.Print(count);
            }
            else
            {
                session.Out.WriteLine($"{Counted.Of(count)} waiting calls {whose}.");
            }

            return;
        }

        await session.ConfirmAsync(async () => $"Cancel the waiting calls {whose}, {Counted.Of(await CountAsync(session, filter, ct))} now?", ct);
        var made = await session.Gateway.JsonAsync(HttpMethod.Post, ApiPath.Cancellations + ApiPath.Query([.. filter, ("all", session.Value(All) ? "true" : null)]), null, ct);
        if (session.IsJson)
        {
            session.Print(made);
        }
        else
        {
            session.Out.WriteLine($"The waiting calls {whose} are cancelled: each becomes a dead letter when a worker meets it.");
            session.TellOfKeys();
        }
    }

    private static Task<JsonNode> CountAsync(Session session, (string Name, string? Value)[] filter, CancellationToken ct) =>
        session.Gateway.JsonAsync(HttpMethod.Get, $"{ApiPath.Cancellations}/count{ApiPath.Query(filter)}", null, ct);

    private static Option<string> CreateState()
    {
        var state = Inputs.FilterOption("Only calls that wait so: waiting, retry or delayed; several with commas in between", "STATE", "--state");
        state.CompletionSources.Add("waiting", "retry", "delayed");
        return state;
    }
}
