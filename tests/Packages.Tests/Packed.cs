using System.Xml.Linq;
using Connectors.Testing;

namespace Connectors.Packages.Tests;

/// <summary>
/// The packages, made once of what was built, and a home outside of the source tree in which their folder is the only feed. Everybody else's packages are
/// those that this machine restored already.
/// </summary>
public sealed class Packed : IAsyncLifetime
{
    // What builds and packs takes minutes on a busy machine.
    private static readonly TimeSpan BuildPatience = TimeSpan.FromMinutes(15);

    private readonly string _home = Directory.CreateTempSubdirectory("packages-").FullName;

    public static string Version { get; } = XDocument.Load(Path.Combine(Tools.RepositoryRoot, "Directory.Build.props")).Descendants("Version").Single().Value;

    /// <summary>The folder with the packages.</summary>
    public string Feed => In("feed");

    /// <summary>A path in the home.</summary>
    public string In(params string[] parts) => Path.Combine([_home, .. parts]);

    public async ValueTask InitializeAsync()
    {
        await RunAsync(Path.Combine(Tools.RepositoryRoot, "pack"), "--no-build", "--to", Feed);
        var restored = Environment.GetEnvironmentVariable("NUGET_PACKAGES") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        var theirs = Directory.CreateDirectory(In("theirs")).FullName;
        foreach (var package in Directory.GetDirectories(restored).Select(folder => new DirectoryInfo(folder)).Where(folder => !folder.Name.StartsWith("connectors", StringComparison.Ordinal)))
        {
            Directory.CreateSymbolicLink(Path.Combine(theirs, package.Name), package.FullName);
        }

        await File.WriteAllTextAsync(In("nuget.config"), $"""
            <configuration>
              <packageSources><clear /><add key="packed" value="{Feed}" /></packageSources>
              <fallbackPackageFolders><clear /><add key="theirs" value="{theirs}" /></fallbackPackageFolders>
            </configuration>
            """);
        await DotnetAsync("new", "install", Path.Combine(Feed, $"Connectors.Templates.{Version}.nupkg"), "--debug:custom-hive", In("hive"));
    }

    public ValueTask DisposeAsync()
    {
        Directory.Delete(_home, recursive: true);
        return ValueTask.CompletedTask;
    }

    /// <summary>Makes a project of a template, in a folder of its name.</summary>
    public Task NewAsync(string template, string name) => DotnetAsync("new", template, "-n", name, "-o", In(name), "--no-update-check", "--debug:custom-hive", In("hive"));

    /// <summary>Runs the command <c>dotnet</c> to its good end.</summary>
    public Task<string> DotnetAsync(params string[] arguments) => RunAsync("dotnet", arguments);

    /// <summary>Runs a program to its good end. Returns what it wrote.</summary>
    public async Task<string> RunAsync(string program, params string[] arguments)
    {
        // No server of the build may stay behind and hold the output open.
        await using var process = ChildProcess.Start(program, arguments, new Dictionary<string, string>
        {
            ["NUGET_PACKAGES"] = In("restored"),
            ["NuGetAudit"] = "false",
            ["UseSharedCompilation"] = "false",
            ["MSBUILDDISABLENODEREUSE"] = "1",
            ["DOTNET_CLI_USE_MSBUILD_SERVER"] = "0",
            ["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1",
            ["DOTNET_NOLOGO"] = "1",
        });
        var exitCode = await process.ExitAsync(BuildPatience);
        Assert.True(exitCode == 0, $"{program} {string.Join(' ', arguments)} ended with {exitCode}:\n{process.Tail(100)}");
        return string.Join('\n', process.Lines);
    }
}
