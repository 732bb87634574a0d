using System.CommandLine;
using System.Text.Json.Nodes;
using Connectors.Cli.Api;
using Connectors.Cli.Json;

namespace Connectors.Cli.DeadLetters;

/// <summary>Which dead letters of a queue are meant; null means all.</summary>
internal sealed record DeadFilter(string Queue, string? Function, string? Reason, string? Since, string? Until, string? Tag)
{
    public static readonly Option<string> FunctionOption = Inputs.FunctionOption("Only those of this function");

    public static readonly Option<string> ReasonOption = CreateReason();

    public static readonly Option<DateTimeOffset?> SinceOption = Inputs.TimeOption("--since", "Only those that ended then or later");

    public static readonly Option<DateTimeOffset?> UntilOption = Inputs.TimeOption("--until", "Only those that ended before then");

    public static readonly Option<string> TagOption = Inputs.FilterOption("Only those with this tag", "TAG", "--tag");

    public static DeadFilter Of(Session session, Argument<string> queue) =>
        new(session.Value(queue), session.Value(FunctionOption), session.Value(ReasonOption), Inputs.Text(session.Value(SinceOption)), Inputs.Text(session.Value(UntilOption)), session.Value(TagOption));

    public bool IsAll => (Function ?? Reason ?? Since ?? Until ?? Tag) is null;

    /// <summary>As the gateway's API has them in its query.</summary>
    public IReadOnlyList<(string Name, string? Value)> Query => [("function", Function), ("reason", Reason), ("since", Since), ("until", Until), ("tag", Tag)];

    /// <summary>For questions and reports.</summary>
    public override string ToString() =>
        Queue + string.Concat(Query.Where(part => part.Value is not null).Select(part => $", {part.Name} {part.Value}"));

    /// <summary>Answers <c>--dry-run</c>; false if it was not asked for.</summary>
    public async Task<bool> IsDryRunAsync(Session session, CancellationToken ct)
    {
        if (!session.Value(SharedOptions.DryRun))
        {
            return false;
        }

        var answer = await AskCountAsync(session, ct);
        if (session.IsJson)
        {
            session.Print(answer);
        }
        else
        {
            session.Out.WriteLine($"{Counted.Of(answer)} dead letters of {this}.");
        }

        return true;
    }

    /// <summary>How many are meant.</summary>
    public async Task<DeadCount> CountAsync(Session session, CancellationToken ct) => DeadCount.Of(await AskCountAsync(session, ct));

    private Task<JsonNode> AskCountAsync(Session session, CancellationToken ct) =>
        session.Gateway.JsonAsync(HttpMethod.Get, $"{ApiPath.Of(Queue)}/dead/count{ApiPath.Query([.. Query])}", null, ct);

    private static Option<string> CreateReason()
    {
        var reason = Inputs.FilterOption("Only those that were given up for this reason", "REASON", "--reason");
        reason.CompletionSources.Add("exhausted", "failed", "expired", "cancelled", "worker_lost", "callback_expired", "callback_refused", "foreign");
        return reason;
    }
}

/// <summary>How many dead letters a filter means, and the number of the latest that there was.</summary>
/// <param name="Letters">So many.</param>
/// <param name="Last">That number.</param>
internal sealed record DeadCount(Counted Letters, ulong Last)
{
    public static DeadCount Of(JsonNode answer) => new(Counted.Of(answer), answer.Need("last").As<ulong>());
}
