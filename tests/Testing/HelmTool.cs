namespace Connectors.Testing;

/// <summary>The real helm, in the oldest version that the charts install with and in a recent one. It is run with no cluster and no settings of the user.</summary>
public static class HelmTool
{
    /// <summary>What <c>fetch</c> calls them.</summary>
    public static IReadOnlyList<string> Versions { get; } = ["helm-3", "helm-4"];

    /// <summary>Runs one of them to its end.</summary>
    public static async Task<(int ExitCode, string Output)> RunAsync(string version, params string[] arguments)
    {
        var home = Directory.CreateTempSubdirectory("helm-");
        try
        {
            await using var helm = ChildProcess.Start(
                Tools.Path(version), arguments, new Dictionary<string, string> { ["HOME"] = home.FullName }, bare: true);
            var exitCode = await helm.ExitAsync();

            // Helm says of each link in a chart that it follows it.
            return (exitCode, string.Join('\n', helm.Lines.Where(line => !line.Contains("found symbolic link in path", StringComparison.Ordinal))));
        }
        finally
        {
            home.Delete(recursive: true);
        }
    }
}
