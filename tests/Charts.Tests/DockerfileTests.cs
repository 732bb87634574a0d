using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Connectors.Testing;

namespace Connectors.Charts.Tests;

/// <summary>The Dockerfile, as far as it can be judged without Docker. tests/images/smoke runs what comes of it.</summary>
public partial class DockerfileTests
{
    // A restore takes minutes on a busy machine.
    private static readonly TimeSpan BuildPatience = TimeSpan.FromMinutes(15);

    private static readonly string[] Lines = File.ReadAllLines(Path.Combine(Tools.RepositoryRoot, "Dockerfile"));

    public static TheoryData<string> Targets => ["gateway", "queue-worker", "cron-connector", "kafka-connector", "sqs-connector", "rabbitmq-connector", "command"];

    // Restored before the sources are copied: every project and lock file that a service is made of has to be there by then.
    [Theory, MemberData(nameof(Targets))]
    public void What_is_restored_is_copied_before(string target)
    {
        var copied = Lines.TakeWhile(line => !line.Contains("AS build-gateway", StringComparison.Ordinal)).Where(line => line.StartsWith("COPY ", StringComparison.Ordinal))
            .SelectMany(line => line.Split(' ')[1..^1]).ToHashSet();
        var project = Stage($"build-{target}").Select(line => Restored().Match(line)).First(match => match.Success).Groups[1].Value;
        var needed = Projects(project).SelectMany(file => new[] { file, Path.Combine(Path.GetDirectoryName(file)!, "packages.lock.json") });

        Assert.All(needed, file => Assert.Contains(file, copied));
    }

    [Theory, MemberData(nameof(Targets))]
    public void A_target_takes_one_service_and_no_root(string target)
    {
        var stage = Stage(target);
        var text = string.Join('\n', stage) + string.Join('\n', stage[0].Contains("FROM service ", StringComparison.Ordinal) ? Stage("service") : []);

        Assert.Equal([$"COPY --from=build-{target} /out ."], stage.Where(line => line.StartsWith("COPY --from", StringComparison.Ordinal)));
        Assert.Contains("USER 10001", text, StringComparison.Ordinal);
        Assert.All(["title", "description", "version", "licenses"], label => Assert.Contains($"org.opencontainers.image.{label}=", text, StringComparison.Ordinal));
    }

    [Fact]
    public void An_image_listens_on_every_address_of_every_family() =>
        Assert.All(["service", "gateway"], stage => Assert.Contains("ENV bind_address=*", Stage(stage)));

    [Fact]
    public void What_a_function_leaves_behind_is_reaped() =>
        Assert.Contains(Stage("gateway"), line => line.StartsWith("ENTRYPOINT [\"tini\", \"--\", ", StringComparison.Ordinal));

    // A cache that a step mounts may be empty by the time, and its restore need not run again: it is a layer that is there. Nor does the SDK run emulated.
    [Theory, MemberData(nameof(Targets))]
    public void What_is_published_was_restored_in_its_own_stage_by_an_SDK_of_the_machine_for_the_platform_of_the_image(string target)
    {
        var projects = Stage("projects");
        var steps = Stage($"build-{target}").Where(line => line.StartsWith("RUN ", StringComparison.Ordinal)).ToList();

        Assert.Equal("FROM --platform=$BUILDPLATFORM ${SDK} AS projects", projects[0]);
        Assert.Contains("ARG TARGETARCH", projects);
        Assert.Equal(["restore", "publish"], steps.Select(step => step.Split(' ')[2]));
        Assert.Contains("--no-restore", steps[1], StringComparison.Ordinal);
        Assert.All(steps, step =>
        {
            Assert.Contains(" -a $TARGETARCH ", step, StringComparison.Ordinal);
            Assert.DoesNotContain("--mount", step, StringComparison.Ordinal);
        });
    }

    // One for each kind of Linux comes with the package.
    [Theory]
    [InlineData("x64", "centos8-librdkafka.so")]
    [InlineData("arm64", "librdkafka.so")]
    public async Task The_Kafka_connector_takes_along_the_librdkafka_of_its_platform_and_no_other(string architecture, string library)
    {
        const string project = "connectors/kafka/KafkaConnector.csproj";
        var sources = Directory.CreateTempSubdirectory("publish-").FullName;
        foreach (var file in Projects(project).Concat(["global.json", "Directory.Build.props", "Directory.Build.targets", "Directory.Packages.props", "BannedSymbols.txt"]))
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(sources, file))!);
            File.Copy(Path.Combine(Tools.RepositoryRoot, file), Path.Combine(sources, file));
        }

        await DotnetAsync("restore", Path.Combine(sources, project), "-a", architecture, "-p:UseAppHost=false", "-v", "quiet");
        var published = await DotnetAsync(
            "msbuild", Path.Combine(sources, project), $"-p:RuntimeIdentifier=linux-{architecture}", "-p:UseAppHost=false", "-p:BuildProjectReferences=false", "-t:ComputeResolvedFilesToPublishList",
            "-getItem:ResolvedFileToPublish");

        var files = JsonNode.Parse(published)!["Items"]!["ResolvedFileToPublish"]!.AsArray().Select(item => Path.GetFileName((string)item!["Identity"]!));
        Assert.Equal([library], files.Where(file => file.EndsWith("librdkafka.so", StringComparison.Ordinal)));
        Directory.Delete(sources, recursive: true);
    }

    private static async Task<string> DotnetAsync(params string[] arguments)
    {
        await using var dotnet = ChildProcess.Start("dotnet", arguments);
        Assert.True(await dotnet.ExitAsync(BuildPatience) == 0, dotnet.Tail());
        return string.Join('\n', dotnet.Lines);
    }

    private static string[] Stage(string name) =>
        [.. Lines.SkipWhile(line => !line.EndsWith($" AS {name}", StringComparison.Ordinal)).TakeWhile((line, index) => index == 0 || !line.StartsWith("FROM ", StringComparison.Ordinal))];

    // The project and all that it refers to, as paths from the root.
    private static IEnumerable<string> Projects(string file) =>
        XDocument.Load(Path.Combine(Tools.RepositoryRoot, file)).Descendants("ProjectReference")
            .Select(reference => Path.GetRelativePath(Tools.RepositoryRoot, Path.GetFullPath(Path.Combine(Tools.RepositoryRoot, Path.GetDirectoryName(file)!, reference.Attribute("Include")!.Value))))
            .SelectMany(Projects).Prepend(file);

    [GeneratedRegex(@"dotnet restore (\S+\.csproj)")]
    private static partial Regex Restored();
}
