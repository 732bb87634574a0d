using System.Net;
using System.Runtime.CompilerServices;
using Connectors.Cli.Api;

namespace Connectors.Cli.DeadLetters;

/// <summary>Dead letters that are named by their numbers, acted on one after the other.</summary>
internal static class NamedLetters
{
    /// <summary>
    /// Asks for each, and gives the numbers of those that are done. One that is refused keeps no other from its turn: it is told, and how many they are is the failure
    /// in the end. What every other would meet too, as wrong credentials or a gateway that is away, ends it at once.
    /// </summary>
    public static async IAsyncEnumerable<ulong> AskAsync(
        Session session, ulong[] seqs, HttpMethod method, Func<ulong, string> path, Action<string> tell, [EnumeratorCancellation] CancellationToken ct)
    {
        var refused = 0;
        foreach (var seq in seqs)
        {
            using var answer = await session.Gateway.SendAsync(method, path(seq), null, ct);
            if (answer.IsSuccessStatusCode)
            {
                yield return seq;
                continue;
            }

            var refusal = await session.Gateway.RefusalAsync(answer, ct);
            if (seqs.Length == 1 || answer.StatusCode is < HttpStatusCode.BadRequest or HttpStatusCode.Unauthorized)
            {
                throw refusal;
            }

            refused++;
            tell($"Dead letter {seq}: {refusal.Message}");
        }

        if (refused > 0)
        {
            throw new CommandFailure($"{refused} of {seqs.Length} dead letters were refused.");
        }
    }
}
