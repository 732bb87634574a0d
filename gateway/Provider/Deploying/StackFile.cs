using Connectors.Provider.Contracts;
using Connectors.Sdk.Hosting;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Connectors.Provider.Deploying;

/// <summary>
/// Functions as faas-cli's stack files describe them, read as faas-cli reads them: substitutions first, then anchors and merges, environment files over
/// <c>environment</c>, scalars of any kind as texts, keys without a value as empty texts.
/// </summary>
internal static class StackFile
{
    /// <summary>Reads the functions of a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="variable">Variables for its substitutions.</param>
    /// <exception cref="ConfigurationException">It is no stack file: the message names file, line and key.</exception>
    public static IReadOnlyList<StackFunction> Read(string path, Func<string, string?> variable)
    {
        var functions = Fields(Load(path, variable), path, "").GetValueOrDefault("functions");
        return functions is null ? [] : [.. Fields(functions, path, "functions").Select(entry => ToFunction(entry.Key, entry.Value, path))];
    }

    private static StackFunction ToFunction(string name, YamlNode node, string path)
    {
        var at = $"functions.{name}";
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var fields = Fields(node, path, at);
        var lines = new Dictionary<string, long>(fields.Select(field => KeyValuePair.Create(field.Key, (long)field.Value.Start.Line))) { ["service"] = node.Start.Line };
        var environment = Texts("environment");
        foreach (var file in List("environment_file") ?? [])
        {
            var loaded = Path.Combine(folder, file);
            foreach (var (variable, value) in TextsOf(Fields(Load(loaded, null), loaded, "").GetValueOrDefault("environment"), loaded, "environment") ?? [])
            {
                (environment ??= [])[variable] = value;
                lines[variable] = fields["environment_file"].Start.Line;
            }
        }

        var image = Text("image") ?? "";
        return new StackFunction(
            new FunctionDeployment
            {
                Service = name,
                Image = image.Length > 0 && !image[(image.LastIndexOf('/') + 1)..].Contains(':', StringComparison.Ordinal) ? image + ":latest" : image,
                Namespace = Text("namespace") is { Length: > 0 } ns ? ns : null,
                EnvProcess = Text("fprocess"),
                EnvVars = environment,
                Constraints = List("constraints"),
                Secrets = List("secrets"),
                Labels = Texts("labels"),
                Annotations = Texts("annotations"),
                Limits = Resources("limits"),
                Requests = Resources("requests"),
                ReadOnlyRootFilesystem = Flag("readonly_root_filesystem"),
            },
            Text("handler") is { Length: > 0 } handler && Path.Combine(folder, handler) is var whole && Directory.Exists(whole) ? whole : null,
            path,
            lines);

        string? Text(string key) => fields.GetValueOrDefault(key) is { } field ? TextOf(field, path, $"{at}.{key}") : null;

        Dictionary<string, string>? Texts(string key)
        {
            foreach (var (entry, value) in fields.GetValueOrDefault(key) is { } map && !IsNull(map) ? Fields(map, path, $"{at}.{key}") : [])
            {
                lines[entry] = value.Start.Line;
            }

            return TextsOf(fields.GetValueOrDefault(key), path, $"{at}.{key}");
        }

        List<string>? List(string key) => fields.GetValueOrDefault(key) switch
        {
            null => null,
            var field when IsNull(field) => null,
            YamlSequenceNode list => [.. list.Select((item, i) => TextOf(item, path, $"{at}.{key}[{i}]"))],
            var field => throw Fault(path, field, $"{at}.{key}", "is not a list"),
        };

        FunctionResources? Resources(string key) => TextsOf(fields.GetValueOrDefault(key), path, $"{at}.{key}") is not { } amounts ? null : new FunctionResources
        {
            Memory = amounts.GetValueOrDefault("memory"),
            Cpu = amounts.GetValueOrDefault("cpu"),
            NvidiaGpu = amounts.GetValueOrDefault("nvidia.com/gpu"),
            AmdGpu = amounts.GetValueOrDefault("amd.com/gpu"),
            IntelGpu = amounts.GetValueOrDefault("intel.com/gpu"),
            Files = amounts.GetValueOrDefault("files"),
            Processes = amounts.GetValueOrDefault("processes"),
        };

        bool? Flag(string key) => Text(key)?.ToLowerInvariant() switch
        {
            null or "" => null,
            "true" or "yes" or "on" or "y" => true,
            "false" or "no" or "off" or "n" => false,
            _ => throw Fault(path, fields[key], $"{at}.{key}", "is neither true nor false"),
        };
    }

    private static YamlNode? Load(string path, Func<string, string?>? variable)
    {
        try
        {
            var text = File.ReadAllText(path);
            var stream = new YamlStream();
            stream.Load(new StringReader(variable is null ? text : Substitution.Apply(text, variable)));
            return stream.Documents.FirstOrDefault()?.RootNode;
        }
        catch (FormatException fault)
        {
            throw new ConfigurationException($"functions_path: {path}: {fault.Message}", fault);
        }
        catch (YamlException fault)
        {
            throw new ConfigurationException($"functions_path: {path}: line {fault.Start.Line}: is not YAML: {(fault.InnerException ?? fault).Message}", fault);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new ConfigurationException($"functions_path: {path}: cannot be read: {fault.Message}", fault);
        }
    }

    /// <summary>A mapping's entries, those of <c>&lt;&lt;</c> below its own; none for a key without a value.</summary>
    private static Dictionary<string, YamlNode> Fields(YamlNode? node, string path, string at, params IReadOnlyList<YamlNode> below)
    {
        if (node is null || IsNull(node))
        {
            return [];
        }

        if (below.Any(outer => ReferenceEquals(outer, node)))
        {
            throw Fault(path, node, at, "merges itself");
        }

        if (node is not YamlMappingNode map)
        {
            throw Fault(path, node, at, "is not a mapping of keys to values");
        }

        var fields = new Dictionary<string, YamlNode>();
        foreach (var (key, value) in map.Children)
        {
            if (key is YamlScalarNode { Value: "<<", Style: ScalarStyle.Plain })
            {
                // Of several merged mappings the first that has a key gives its value.
                foreach (var (name, merged) in (value is YamlSequenceNode list ? list.Children : [value]).SelectMany(source => Fields(source, path, $"{at}.<<", [.. below, node])))
                {
                    fields.TryAdd(name, merged);
                }
            }
        }

        foreach (var (key, value) in map.Children)
        {
            var name = TextOf(key, path, at);
            if (name != "<<")
            {
                fields[name] = value;
            }
        }

        return fields;
    }

    private static Dictionary<string, string>? TextsOf(YamlNode? node, string path, string at) => node is null || IsNull(node)
        ? null
        : Fields(node, path, at).ToDictionary(entry => entry.Key, entry => TextOf(entry.Value, path, $"{at}.{entry.Key}"));

    // Numbers and booleans as they are written; a key without a value is an empty text.
    private static string TextOf(YamlNode node, string path, string at) => node switch
    {
        YamlScalarNode when IsNull(node) => "",
        YamlScalarNode scalar => scalar.Value ?? "",
        _ => throw Fault(path, node, at, "is not a text, a number or a boolean"),
    };

    private static bool IsNull(YamlNode node) => node is YamlScalarNode { Style: ScalarStyle.Plain, Value: null or "" or "~" or "null" or "Null" or "NULL" };

    private static ConfigurationException Fault(string path, YamlNode node, string at, string what) => new($"functions_path: {path}: line {node.Start.Line}: {(at.Length > 0 ? at : "the file")}: {what}");
}

/// <summary>A function of a stack file.</summary>
/// <param name="Deployment">What it is.</param>
/// <param name="HandlerFolder">Files for its directory; null for none.</param>
/// <param name="Path">The file.</param>
/// <param name="Lines">In which line each of its keys, variables, labels and annotations stands.</param>
internal sealed record StackFunction(FunctionDeployment Deployment, string? HandlerFolder, string Path, IReadOnlyDictionary<string, long> Lines)
{
    private static readonly Dictionary<string, string> KeysOfFields = new() { ["envProcess"] = "fprocess", ["envVars"] = "environment" };

    /// <summary>A fault of the deployment, which begins with a field's name, with the line where that stands.</summary>
    public string Locate(string fault)
    {
        var field = fault[..Math.Max(0, fault.IndexOf(": ", StringComparison.Ordinal))];
        var key = KeysOfFields.GetValueOrDefault(field, field);
        var line = Lines.GetValueOrDefault(key, Lines.GetValueOrDefault(key[(key.IndexOf('.', StringComparison.Ordinal) + 1)..], Lines.GetValueOrDefault(key.Split('.')[0], Lines["service"])));
        return $"functions_path: {Path}: line {line}: functions.{Deployment.Service}: {fault}";
    }
}
