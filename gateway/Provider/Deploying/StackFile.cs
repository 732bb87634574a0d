using Connectors.Provider.Contracts;
using Connectors.Sdk.Hosting;
using YamlDotNet.Core;
using YamlDotNet.Serialization;
using YamlDotNet.Serialization.NamingConventions;

namespace Connectors.Provider.Deploying;

/// <summary>Functions as faas-cli's stack files describe them.</summary>
internal static class StackFile
{
    /// <summary>Reads the functions of a file; what is no stack file throws <see cref="ConfigurationException"/>.</summary>
    public static IReadOnlyList<StackFunction> Read(string path)
    {
        var yaml = new DeserializerBuilder().WithNamingConvention(UnderscoredNamingConvention.Instance).IgnoreUnmatchedProperties().Build();
        try
        {
            using var text = File.OpenText(path);
            var stack = yaml.Deserialize<Stack?>(text);
            return [.. from entry in stack?.Functions ?? [] select ToFunction(entry.Key, entry.Value ?? new StackEntry(), path)];
        }
        catch (Exception fault) when (fault is YamlException or IOException or UnauthorizedAccessException)
        {
            throw new ConfigurationException($"functions_path: {path} is not a stack file: {(fault.InnerException ?? fault).Message}", fault);
        }
    }

    private static StackFunction ToFunction(string name, StackEntry entry, string path)
    {
        var handler = entry.Handler is null ? null : Path.Combine(Path.GetDirectoryName(Path.GetFullPath(path))!, entry.Handler);
        return new StackFunction(
            new FunctionDeployment
            {
                Service = name,
                Image = entry.Image ?? "",
                Namespace = entry.Namespace,
                EnvProcess = entry.Fprocess,
                EnvVars = entry.Environment,
                Constraints = entry.Constraints,
                Secrets = entry.Secrets,
                Labels = entry.Labels,
                Annotations = entry.Annotations,
                Limits = ToResources(entry.Limits),
                Requests = ToResources(entry.Requests),
                ReadOnlyRootFilesystem = entry.ReadonlyRootFilesystem,
            },
            Directory.Exists(handler) ? handler : null);
    }

    private static FunctionResources? ToResources(Dictionary<string, string>? amounts) =>
        amounts is null ? null : new FunctionResources { Memory = amounts.GetValueOrDefault("memory"), Cpu = amounts.GetValueOrDefault("cpu") };

    private sealed class Stack
    {
        public Dictionary<string, StackEntry?>? Functions { get; set; }
    }

    private sealed class StackEntry
    {
        public string? Image { get; set; }

        public string? Handler { get; set; }

        public string? Namespace { get; set; }

        public string? Fprocess { get; set; }

        public Dictionary<string, string>? Environment { get; set; }

        public List<string>? Constraints { get; set; }

        public List<string>? Secrets { get; set; }

        public Dictionary<string, string>? Labels { get; set; }

        public Dictionary<string, string>? Annotations { get; set; }

        public Dictionary<string, string>? Limits { get; set; }

        public Dictionary<string, string>? Requests { get; set; }

        public bool? ReadonlyRootFilesystem { get; set; }
    }
}

/// <summary>A function of a stack file.</summary>
/// <param name="Deployment">What it is.</param>
/// <param name="HandlerFolder">Files for its directory; null for none.</param>
internal sealed record StackFunction(FunctionDeployment Deployment, string? HandlerFolder);
