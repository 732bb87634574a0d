using System.Text.RegularExpressions;

namespace Connectors.Architecture.Tests;

/// <summary>
/// Inside a project, folders stand in the order in which data flows, and a folder calls only folders later in that order; what lies in a folder
/// within another belongs to the outer one. A project's root holds its beginning and what every room uses; files there may call everything.
/// </summary>
public partial class FolderFlowTests
{
    // Project folder, root namespace, its folders in the order of the flow.
    public static TheoryData<string, string, string[]> Flows => new()
    {
        { "connector-sdk/Sdk", "Connectors.Sdk", ["Events", "Topics", "Invocation", "Hosting"] },
        { "connector-sdk/Testing", "Connectors.Testing", [] },
        { "connector-sdk/Client", "Connectors.Client", [] },
        { "connector-sdk/Templates", "Connectors.Templates", ["function"] },
        { "queue-worker", "Connectors.QueueWorker", ["Consuming", "Dispatching", "Callbacks", "Settling"] },
        { "gateway/Gateway", "Connectors.Gateway", ["Reference", "Page", "Endpoints", "Scaling", "History", "Queues", "Enqueueing", "Provider", "Forwarding", "Security"] },
        { "gateway/Provider", "Connectors.Provider", ["Api", "Deploying", "Running", "State", "Isolation", "Processes", "Logs", "Contracts"] },
        { "gateway/Cli", "Connectors.Cli", ["Starting", "Calls", "Queues", "DeadLetters", "Redrives", "Migration", "Completion", "Api", "Printing", "Json"] },
        { "connectors/kafka", "Connectors.Kafka", ["Polling", "Committing", "Settling", "Ordering", "Records", "Client"] },
        { "connectors/cron", "Connectors.Cron", ["Ticking", "Cursors", "Schedules"] },
        { "connectors/sqs", "Connectors.Sqs", ["Receiving", "Settling", "Queues"] },
        { "connectors/rabbitmq", "Connectors.RabbitMq", ["Consuming", "Settling", "Broker"] },
        { "connector-sdk/Streams", "Connectors.Streams", ["Nats", "Records"] },
    };

    // What stands at a root beside Program, Log, Metrics, the hosting and the options: what every room uses, or what is the whole of it.
    private static readonly Dictionary<string, string[]> AtRoot = new()
    {
        ["connector-sdk/Testing"] = ["EventSourceContract", "Eventually", "FreePort", "GatewayServer", "HttpLedger", "RecordedRequest", "RunningConnector"],
        ["connector-sdk/Client"] = ["CallException", "CallResult", "CallbackVerifier", "FunctionClient"],
        ["gateway/Provider"] = ["EmbeddedProvider", "EmbeddedStart"],
        ["gateway/Cli"] = ["CommandFailure", "CommandLine", "CommandTree", "Inputs", "Session"],
        ["connectors/kafka"] = ["KafkaSource"],
    };

    public static TheoryData<string> Projects => [.. Flows.Select(row => (string)((ITheoryDataRow)row).GetData()[0]!)];

    private static readonly string[] Product = ["gateway", "queue-worker", "connectors", "connector-sdk"];

    [Fact]
    public void Every_project_of_the_product_has_its_rooms_listed()
    {
        var projects = Repository.Projects
            .Select(project => Repository.Relative(Path.GetDirectoryName(project.File)!))
            .Where(folder => Product.Contains(folder.Split('/')[0]));

        Assert.Equal(projects.Order(), Projects.Select(row => ((ITheoryDataRow)row).GetData()[0]).Cast<string>().Order());
    }

    [Theory]
    [MemberData(nameof(Flows))]
    public void A_folder_calls_only_folders_later_in_the_flow(string project, string root, string[] flow)
    {
        var files = Sources(project);
        Assert.Equal(flow.Order(), files.Select(file => file.Room).Where(room => room.Length > 0).Distinct().Order());

        // A using directive, a name written in full, or one that begins at the project's own folders; namespaces follow folders (IDE0130).
        var rooms = string.Join('|', flow);
        var reference = new Regex($@"(?<![\w.])(?:{Regex.Escape(root)}\.(?<room>{rooms})\b|(?<room>{rooms})\.[A-Z]\w*\.[A-Z])");
        var against = from file in files
                      let own = Array.IndexOf(flow, file.Room)
                      from Match match in reference.Matches(File.ReadAllText(file.Path))
                      where Array.IndexOf(flow, match.Groups["room"].Value) < own
                      select $"{file.Room}/{Path.GetFileName(file.Path)} calls {match.Groups["room"].Value}";
        Assert.Empty(against.Distinct());
    }

    [Theory]
    [MemberData(nameof(Projects))]
    public void A_root_holds_the_beginning_and_nothing_that_belongs_to_a_room(string project)
    {
        var allowed = AtRoot.GetValueOrDefault(project, []);
        var names = Sources(project).Where(file => file.Room.Length == 0).Select(file => Path.GetFileNameWithoutExtension(file.Path));

        Assert.DoesNotContain(names, name => !Usual().IsMatch(name) && !allowed.Contains(name));
    }

    private static List<(string Path, string Room)> Sources(string project)
    {
        var folder = Path.Combine(Repository.Root, project);
        return [.. Repository.Files("*.cs")
            .Where(file => file.StartsWith(folder + "/", StringComparison.Ordinal))
            .Select(file => (file, Path.GetRelativePath(folder, file).Split('/')))
            .Select(file => (file.file, file.Item2.Length == 1 ? "" : file.Item2[0]))];
    }

    [GeneratedRegex("^(Program|Log|Metrics|[A-Za-z]*Hosting|[A-Za-z]*Options)$")]
    private static partial Regex Usual();
}
