using System.CommandLine;
using Connectors.Cli.Api;
using Connectors.Cli.Json;

namespace Connectors.Cli.Completion;

/// <summary>The queues' names, for completion: whatever goes wrong, there are none.</summary>
internal static class QueueNames
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    public static IEnumerable<string> Suggest(ParseResult parsed)
    {
        try
        {
            using var patience = new CancellationTokenSource(Patience, TimeProvider.System);
            using var session = Session.Open(parsed, mayReadInput: false);
            var queues = session.Gateway.JsonAsync(HttpMethod.Get, ApiPath.All, null, patience.Token).GetAwaiter().GetResult();
            return [.. queues.Items().Select(queue => queue.Find("name")?.As<string>() ?? "").Where(Inputs.IsQueueName)];
        }
        catch (Exception)
        {
            return [];
        }
    }
}
