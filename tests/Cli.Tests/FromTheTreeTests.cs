using Connectors.Testing;

namespace Connectors.Cli.Tests;

/// <summary>The script <c>./cli</c> in a tree of its own, with a dotnet that counts its builds.</summary>
public sealed class FromTheTreeTests : IDisposable
{
    // As the real one, a build leaves what is there as old as it is.
    private const string Dotnet = """
        #!/bin/sh
        tree=${0%/bin/dotnet}
        echo "$1"
        [ "$1" = build ] || exit 0
        grep -q wrong "$tree/global.json" && exit 1
        echo built >> "$tree/builds"
        mkdir -p "$tree/artifacts/bin/Cli/release" && : >> "$tree/artifacts/bin/Cli/release/connectors.dll"
        """;

    private readonly DirectoryInfo _tree = Directory.CreateTempSubdirectory("tree-");

    public FromTheTreeTests()
    {
        File.Copy(Path.Combine(Tools.RepositoryRoot, "cli"), At("cli"));
        foreach (var file in new[] { "gateway/Cli/Cli.csproj", "gateway/Cli/Queues/Queues.cs", "Directory.Build.props", "global.json" })
        {
            Write(file, "");
        }

        Write("bin/dotnet", Dotnet);
        File.SetUnixFileMode(At("bin/dotnet"), UnixFileMode.UserRead | UnixFileMode.UserExecute);
    }

    private int Builds => File.Exists(At("builds")) ? File.ReadAllLines(At("builds")).Length : 0;

    [Theory]
    [InlineData("gateway/Cli/Queues/Queues.cs")]
    [InlineData("gateway/Cli/Calls/New.cs")]
    [InlineData("Directory.Packages.props")]
    public async Task The_command_is_built_again_once_its_sources_have_changed(string changed)
    {
        await RunAsync();
        await RunAsync();
        Assert.Equal(1, Builds);

        Write(changed, "// pulled");
        await RunAsync();
        await RunAsync();
        Assert.Equal(2, Builds);
    }

    // Of ./test, for one.
    [Fact]
    public async Task What_another_build_made_is_run_as_it_is()
    {
        Write("artifacts/bin/Cli/release/connectors.dll", "");
        await RunAsync();

        Assert.Equal(0, Builds);
    }

    [Fact]
    public async Task A_build_that_fails_is_told_of_and_tried_again()
    {
        Write("global.json", "wrong");
        await using (var failed = Start())
        {
            Assert.Equal((1, "build"), (await failed.ExitAsync(), Assert.Single(failed.Lines)));
        }

        Write("global.json", "");
        await RunAsync();
        Assert.Equal(1, Builds);
    }

    public void Dispose() => _tree.Delete(recursive: true);

    private string At(string path) => Path.Combine(_tree.FullName, path);

    private void Write(string path, string content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(At(path))!);
        File.WriteAllText(At(path), content);
    }

    private ChildProcess Start() =>
        ChildProcess.Start(At("cli"), ["list"], new Dictionary<string, string> { ["PATH"] = $"{At("bin")}:{Environment.GetEnvironmentVariable("PATH")}" });

    private async Task RunAsync()
    {
        await using var cli = Start();

        Assert.Equal(0, await cli.ExitAsync());
        Assert.Equal(At("artifacts/bin/Cli/release/connectors.dll"), Assert.Single(cli.Lines));
    }
}
