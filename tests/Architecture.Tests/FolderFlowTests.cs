using System.Text.RegularExpressions;

namespace Connectors.Architecture.Tests;

/// <summary>
/// Inside a project, folders stand in the order in which data flows, and a folder calls only folders later in that order. Files at a project's root
/// may call everything; what several folders share stands there or in the last folder.
/// </summary>
public partial class FolderFlowTests
{
    // Project folder, root namespace, its folders in the order of the flow.
    public static TheoryData<string, string, string[]> Flows => new()
    {
        { "connector-sdk/Sdk", "Connectors.Sdk", ["Events", "Topics", "Invocation", "Hosting"] },
        { "queue-worker", "Connectors.QueueWorker", ["Consuming", "Dispatching", "Callbacks", "Settling"] },
        { "gateway/Gateway", "Connectors.Gateway", ["Endpoints", "Queues", "Enqueueing", "Provider", "Forwarding", "Security"] },
        { "gateway/Provider", "Connectors.Provider", ["Api", "Deploying", "Running", "State", "Isolation", "Processes", "Logs", "Contracts"] },
        { "gateway/Cli", "Connectors.Cli", ["Calls", "Queues", "DeadLetters", "Redrives", "Completion", "Api", "Printing"] },
        { "connectors/kafka", "Connectors.Kafka", ["Polling", "Committing", "Settling", "Ordering", "Records"] },
        { "connectors/cron", "Connectors.Cron", ["Ticking", "Cursors", "Schedules"] },
    };

    [Theory]
    [MemberData(nameof(Flows))]
    public void A_folder_calls_only_folders_later_in_the_flow(string project, string root, string[] flow)
    {
        var folders = Directory.EnumerateDirectories(Path.Combine(Repository.Root, project)).Select(Path.GetFileName).Where(HasCode);
        Assert.Equal(flow.Order(), folders.Order());

        var against = from file in Repository.Files("*.cs")
                      let path = Path.GetRelativePath(Path.Combine(Repository.Root, project), file).Split(Path.DirectorySeparatorChar)
                      where path[0] != ".." && path.Length > 1
                      let own = Array.IndexOf(flow, path[0])
                      from Match reference in Reference().Matches(File.ReadAllText(file))
                      where reference.Groups["root"].Value == root
                      let other = Array.IndexOf(flow, reference.Groups["folder"].Value)
                      where other >= 0 && other < own
                      select $"{Path.Combine(path)} calls {flow[other]}";
        Assert.Empty(against);

        bool HasCode(string? folder) => Directory.EnumerateFiles(Path.Combine(Repository.Root, project, folder!), "*.cs", SearchOption.AllDirectories).Any();
    }

    // A using directive or a name written in full; namespaces follow folders (IDE0130).
    [GeneratedRegex(@"(?<root>Connectors(\.Sdk|\.[A-Z]\w+)?)\.(?<folder>[A-Z]\w+)\b")]
    private static partial Regex Reference();
}
