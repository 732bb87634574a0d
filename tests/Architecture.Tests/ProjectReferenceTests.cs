namespace Connectors.Architecture.Tests;

/// <summary>Who may reference whom, read from the project files themselves.</summary>
public class ProjectReferenceTests
{
    private static readonly string[] Executables = ["Gateway", "QueueWorker", "CronConnector", "KafkaConnector", "SqsConnector", "Cli"];
    private static readonly string[] Libraries = ["Connectors.Sdk", "Connectors.Streams"];
    private static readonly string[] Brokers = ["NATS.Net", "Confluent.Kafka", "AWSSDK.SQS", "librdkafka.redist"];

    [Fact]
    public void Executables_reference_only_the_libraries()
    {
        foreach (var project in Repository.Projects.Where(p => Executables.Contains(p.Name)))
        {
            Assert.All(project.ProjectReferences, reference => Assert.Contains(reference, project.Name == "Gateway" ? [.. Libraries, "Connectors.Provider"] : Libraries));
        }
    }

    [Fact]
    public void The_provider_knows_neither_the_gateway_nor_a_broker()
    {
        var provider = Repository.Projects.Single(p => p.Name == "Connectors.Provider");

        Assert.Equal(["Connectors.Sdk"], provider.ProjectReferences);
        Assert.Empty(provider.PackageReferences.Intersect(Brokers));
    }

    [Fact]
    public void The_command_meets_the_gateway_over_HTTP_alone()
    {
        var command = Repository.Projects.Single(p => p.Name == "Cli");

        Assert.Empty(command.ProjectReferences);
        Assert.Empty(command.PackageReferences.Intersect(Brokers));
    }

    [Fact]
    public void The_sdk_knows_no_broker_and_no_other_project()
    {
        var sdk = Repository.Projects.Single(p => p.Name == "Connectors.Sdk");

        Assert.Empty(sdk.ProjectReferences);
        Assert.Empty(sdk.PackageReferences.Intersect(Brokers));
    }

    [Fact]
    public void Every_project_is_in_the_solution()
    {
        var solution = File.ReadAllText(Path.Combine(Repository.Root, "Connectors.sln"));

        Assert.All(
            Repository.Projects,
            project => Assert.Contains(Path.GetFileName(project.File), solution, StringComparison.Ordinal));
    }
}
