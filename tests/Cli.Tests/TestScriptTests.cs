using Connectors.Testing;

namespace Connectors.Cli.Tests;

/// <summary>The script <c>./test</c> in a repository of its own, where fetching and building do nothing: which commit <c>--upgrade --from</c> means.</summary>
public sealed class TestScriptTests : IDisposable
{
    private readonly DirectoryInfo _tree = Directory.CreateTempSubdirectory("test-script-");

    public TestScriptTests()
    {
        File.Copy(Path.Combine(Tools.RepositoryRoot, "test"), At("test"));
        File.WriteAllText(At("Connectors.sln"), "Project(\"{0}\") = \"Faults.Tests\", \"tests\\Faults\\Faults.Tests.csproj\", \"{1}\"\n");
        Directory.CreateDirectory(At("tests/Testing/servers"));
        Directory.CreateDirectory(At("bin"));
        File.CreateSymbolicLink(At("tests/Testing/servers/fetch"), "/bin/true");
        File.CreateSymbolicLink(At("bin/dotnet"), "/bin/true");
    }

    [Theory]
    [InlineData("no-such-branch")]
    [InlineData("../kept")]
    public async Task What_is_no_commit_is_refused_before_a_folder_is_touched(string name)
    {
        await CommitAsync();
        Directory.CreateDirectory(At(".run/kept"));

        await using var test = Start(name);

        Assert.Equal(2, await test.ExitAsync());
        Assert.Equal($"test: {name} is not in this repository's history", Assert.Single(test.Lines));
        Assert.Equal(At(".run/kept"), Assert.Single(Directory.GetDirectories(At(".run"))));
    }

    // A branch goes on, and what was built of it before is another version.
    [Fact]
    public async Task Each_commit_that_a_branch_led_to_has_a_folder_of_its_own()
    {
        var commits = new List<string>();
        for (var round = 0; round < 2; round++)
        {
            commits.Add(await CommitAsync());
            await using var test = Start("moving");
            await test.ExitAsync();
        }

        Assert.Equal(2, commits.Distinct().Count());
        Assert.Equal(commits.Order(StringComparer.Ordinal), Directory.GetDirectories(At(".run/upgrade")).Select(folder => Path.GetFileName(folder)).Order(StringComparer.Ordinal));
        Assert.All(commits, commit => Assert.True(File.Exists(At($".run/upgrade/{commit}/built"))));
    }

    public void Dispose() => _tree.Delete(recursive: true);

    private string At(string path) => Path.Combine(_tree.FullName, path);

    private ChildProcess Start(string from) => ChildProcess.Start(
        At("test"), ["--upgrade", "--from", from, "--no-build"], new Dictionary<string, string> { ["PATH"] = $"{At("bin")}:{Environment.GetEnvironmentVariable("PATH")}" });

    private async Task<string> CommitAsync()
    {
        await GitAsync("init", "-q");
        await GitAsync("-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false", "commit", "-q", "--allow-empty", "-m", Guid.NewGuid().ToString());
        await GitAsync("branch", "-f", "moving", "HEAD");
        return Assert.Single(await GitAsync("rev-parse", "HEAD"));
    }

    private async Task<IReadOnlyCollection<string>> GitAsync(params string[] arguments)
    {
        await using var git = ChildProcess.Start("git", ["-C", _tree.FullName, .. arguments]);
        Assert.True(await git.ExitAsync() == 0, git.Tail());
        return git.Lines;
    }
}
