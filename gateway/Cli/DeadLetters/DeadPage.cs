using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Connectors.Cli.Api;
using Connectors.Cli.Json;

namespace Connectors.Cli.DeadLetters;

/// <summary>A page of dead letters, and where the next one begins; null at the end.</summary>
internal sealed record DeadPage(IReadOnlyList<JsonNode> Items, ulong? Next)
{
    private const long MaxPage = 1000;

    /// <summary>Page after page until the end, or until so many letters were seen.</summary>
    public static async IAsyncEnumerable<DeadPage> ReadAsync(Session session, DeadFilter filter, ulong after, long limit, [EnumeratorCancellation] CancellationToken ct)
    {
        for (ulong? next = after; next is { } cursor && limit > 0;)
        {
            var query = ApiPath.Query(
                [.. filter.Query, ("limit", Math.Min(limit, MaxPage).ToString(CultureInfo.InvariantCulture)), ("after", cursor.ToString(CultureInfo.InvariantCulture))]);
            var answer = await session.Gateway.JsonAsync(HttpMethod.Get, $"{ApiPath.Of(filter.Queue)}/dead{query}", null, ct);
            var page = new DeadPage(answer.Need("items").Items(), answer.Find("next")?.As<ulong>());
            yield return page;
            limit -= page.Items.Count;
            next = page.Next;
        }
    }
}
