namespace Connectors.Charts.Tests;

/// <summary>A deployment's environment with its mounts, addresses and ports put right for this machine, and nothing else changed.</summary>
internal sealed class RenderedEnvironment : IDisposable
{
    private readonly DirectoryInfo _mounts = Directory.CreateTempSubdirectory("mounts-");

    /// <summary>Puts a file where the pod would find it below one of its mounts.</summary>
    public string Write(string path, string content)
    {
        var file = Path.Combine(_mounts.FullName, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, content);
        return file;
    }

    /// <summary>The environment, with the files of the release's config maps in place.</summary>
    public Dictionary<string, string> Mounted(IReadOnlyList<Manifest> manifests)
    {
        foreach (var (name, content) in manifests.Where(m => m.Kind == "ConfigMap").SelectMany(m => m.Map("data")))
        {
            Write(name, content);
        }

        return manifests.Single(m => m.Kind == "Deployment").Environment.ToDictionary(
            variable => variable.Key,
            variable => new[] { "/etc/connectors", "/var/secrets", "/var/lib/connectors" }.Aggregate(
                variable.Value, (value, mount) => value.Replace(mount, _mounts.FullName, StringComparison.Ordinal)));
    }

    /// <summary>The same on free loopback ports.</summary>
    public Dictionary<string, string> OnThisMachine(IReadOnlyList<Manifest> manifests)
    {
        var environment = Mounted(manifests);
        environment["bind_address"] = "127.0.0.1";
        environment["metrics_port"] = "0";
        environment["port"] = "0";
        return environment;
    }

    public void Dispose() => _mounts.Delete(recursive: true);
}
