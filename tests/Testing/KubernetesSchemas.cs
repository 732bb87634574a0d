namespace Connectors.Testing;

/// <summary>The published schemas of Kubernetes, KEDA, the Prometheus operator and the Gateway API.</summary>
public static class KubernetesSchemas
{
    /// <summary>What they refuse of a JSON array of objects, and the fields that they do not know: a line for each, none if all is sound.</summary>
    public static async Task<IReadOnlyList<string>> FaultsAsync(string objects)
    {
        var start = new System.Diagnostics.ProcessStartInfo(
            Tools.Path("node"), [Path.Combine(Tools.RepositoryRoot, "tests/Testing/servers/kubernetes-schemas/validate.mjs"), Tools.Path("kubernetes-schemas")])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var node = System.Diagnostics.Process.Start(start)!;
        var output = node.StandardOutput.ReadToEndAsync();
        var errors = node.StandardError.ReadToEndAsync();
        await node.StandardInput.WriteAsync(objects);
        node.StandardInput.Close();
        await node.WaitForExitAsync();
        return node.ExitCode == 0
            ? (await output).Split('\n', StringSplitOptions.RemoveEmptyEntries)
            : throw new InvalidOperationException($"validate.mjs: {await errors}");
    }
}
