namespace Connectors.Testing;

/// <summary>The real helm. It is run with no cluster and no settings of the user.</summary>
public static class HelmTool
{
    /// <summary>Runs helm to its end.</summary>
    public static async Task<(int ExitCode, string Output)> RunAsync(params string[] arguments)
    {
        var home = Directory.CreateTempSubdirectory("helm-");
        try
        {
            await using var helm = ChildProcess.Start(
                Tools.Path("helm"), arguments, new Dictionary<string, string> { ["HOME"] = home.FullName }, bare: true);
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
