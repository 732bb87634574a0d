using Connectors.Provider.Contracts;
using Connectors.Provider.Isolation;
using Connectors.Sdk.Hosting;

namespace Connectors.Provider;

/// <summary>What the embedded provider is told: where its functions are written down and where it keeps its own files.</summary>
public sealed record ProviderOptions
{
    /// <summary>Namespace of functions named without one.</summary>
    public required string DefaultNamespace { get; init; }

    /// <summary>How long a followed log may take.</summary>
    public required TimeSpan WriteTimeout { get; init; }

    /// <summary>Files and directories of the gateway that no function may see; some need not be there. <see cref="DataPath"/> is always hidden.</summary>
    public required IReadOnlyList<string> HiddenPaths { get; init; }

    /// <summary>Ports that the gateway listens on itself, by the options that name them; 0 for none, or for one that nobody knows yet.</summary>
    public required IReadOnlyList<(string Option, int Port)> OwnPorts { get; init; }

    /// <summary>Null for none.</summary>
    public required string? FunctionsPath { get; init; }

    public required string DataPath { get; init; }

    internal DataFolder Data => new(DataPath);

    public required long MaxOutputBytes { get; init; }

    public required FunctionIsolation Isolation { get; init; }

    /// <summary>Who functions run as when the gateway is root.</summary>
    public required int FunctionUser { get; init; }

    /// <summary>Reads what an operator sets; the rest is the gateway's to give.</summary>
    public static ProviderOptions Read(
        Settings settings, string defaultNamespace, TimeSpan writeTimeout, IReadOnlyList<string> hiddenPaths, IReadOnlyList<(string Option, int Port)> ownPorts)
    {
        var functions = settings.Text("functions_path", "", "Embedded provider: a stack file (functions.yaml) whose functions are deployed at every start");
        if (functions.Length > 0 && !File.Exists(functions))
        {
            settings.Fault("functions_path", "the path of an existing file, or unset");
        }

        return new ProviderOptions
        {
            DefaultNamespace = defaultNamespace,
            WriteTimeout = writeTimeout,
            HiddenPaths = hiddenPaths,
            OwnPorts = ownPorts,
            FunctionsPath = functions.Length > 0 ? functions : null,
            DataPath = Path.GetFullPath(settings.Text("data_path", "data", "Embedded provider: directory of deployed functions, their secrets, logs and working directories")),
            MaxOutputBytes = settings.LongNumber(
                "max_output_bytes",
                64 * 1024 * 1024,
                "Embedded provider: most that one call of a forked function may write before it is ended, and most of a body that http_buffer_req_body keeps",
                1),
            Isolation = settings.Choice(
                "function_isolation",
                FunctionIsolation.Auto,
                "Embedded provider: what keeps functions from the gateway's files and processes: namespaces, user, none, or auto, the first of these that works here"),
            FunctionUser = settings.Number("function_user", 65532, "Embedded provider: id of the user and group that functions run as when the gateway is root", 1),
        };
    }
}
