using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Connectors.Cli.Asking;

namespace Connectors.Cli.DeadLetters;

/// <summary>A page of dead letters, and where the next one begins; null at the end.</summary>
internal sealed record DeadPage(IReadOnlyList<JsonNode> Items, ulong? Next)
{
    private const long LargestPage = 1000;

    /// <summary>Page after page until the end, or until so many letters were seen.</summary>
    public static async IAsyncEnumerable<DeadPage> ReadAsync(Session session, DeadFilter filter, ulong after, long limit, [EnumeratorCancellation] CancellationToken ct)
    {
        for (ulong? next = after; next is { } cursor && limit > 0;)
        {
            var query = QueuePath.Query(
                ("function", filter.Function),
                ("reason", filter.Reason),
                ("limit", Math.Min(limit, LargestPage).ToString(CultureInfo.InvariantCulture)),
                ("after", cursor.ToString(CultureInfo.InvariantCulture)));
            var answer = await session.Gateway.JsonAsync(HttpMethod.Get, $"{QueuePath.Of(filter.Queue)}/dead{query}", null, ct);
            var page = new DeadPage([.. answer["items"]!.AsArray().Select(item => item!)], (ulong?)answer["next"]);
            yield return page;
            limit -= page.Items.Count;
            next = page.Next;
        }
    }
}
