using System.CommandLine;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Connectors.Cli.Api;

namespace Connectors.Cli.DeadLetters;

/// <summary>Which dead letters of a queue are meant; null means all.</summary>
internal sealed record DeadFilter(string Queue, string? Function, string? Reason)
{
    public static readonly Option<string> FunctionOption = new("--function", "-f") { Description = "Only those of this function: NAME, or NAME.NAMESPACE", HelpName = "NAME" };

    public static readonly Option<string> ReasonOption = CreateReason();

    public static DeadFilter Of(Session session, Argument<string> queue) =>
        new(session.Value(queue), session.Value(FunctionOption), session.Value(ReasonOption));

    public bool IsAll => Function is null && Reason is null;

    /// <summary>For questions and reports.</summary>
    public override string ToString() =>
        Queue + (Function is null ? "" : $", function {Function}") + (Reason is null ? "" : $", reason {Reason}");

    private static Option<string> CreateReason()
    {
        var reason = new Option<string>("--reason") { Description = "Only those that were given up for this reason", HelpName = "REASON" };
        reason.CompletionSources.Add("exhausted", "failed", "expired", "cancelled", "worker_lost", "callback_expired", "callback_refused", "foreign");
        return reason;
    }
}

/// <summary>A page of dead letters, and where the next one begins; null at the end.</summary>
internal sealed record DeadPage(IReadOnlyList<JsonNode> Items, ulong? Next)
{
    private const long MaxPage = 1000;

    /// <summary>Page after page until the end, or until so many letters were seen.</summary>
    public static async IAsyncEnumerable<DeadPage> ReadAsync(Session session, DeadFilter filter, ulong after, long limit, [EnumeratorCancellation] CancellationToken ct)
    {
        for (ulong? next = after; next is { } cursor && limit > 0;)
        {
            var query = QueuePath.Query(
                ("function", filter.Function),
                ("reason", filter.Reason),
                ("limit", Math.Min(limit, MaxPage).ToString(CultureInfo.InvariantCulture)),
                ("after", cursor.ToString(CultureInfo.InvariantCulture)));
            var answer = await session.Gateway.JsonAsync(HttpMethod.Get, $"{QueuePath.Of(filter.Queue)}/dead{query}", null, ct);
            var page = new DeadPage([.. answer["items"]!.AsArray().Select(item => item!)], (ulong?)answer["next"]);
            yield return page;
            limit -= page.Items.Count;
            next = page.Next;
        }
    }
}
