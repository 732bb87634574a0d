using Connectors.Sdk.Invocation;

namespace Connectors.Provider.Contracts;

/// <summary>
/// The directories below <c>data_path</c>: those of the gateway alone, and those in which every function has one of its own. No function sees another's, nor what
/// somebody else keeps beside them, as <c>./up</c> keeps the store of NATS.
/// </summary>
internal sealed class DataFolder(string root)
{
    /// <summary>For its owner alone.</summary>
    public const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private const UnixFileMode Passage = Private | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    public string Functions { get; } = Path.Combine(root, "functions");

    public string Namespaces { get; } = Path.Combine(root, "namespaces");

    /// <summary>Secrets of functions.</summary>
    public string Secrets { get; } = Path.Combine(root, "secrets");

    public string Logs { get; } = Path.Combine(root, "logs");

    /// <summary>What each function's processes see in place of the gateway's files.</summary>
    public string Views { get; } = Path.Combine(root, "views");

    /// <summary>Working directories.</summary>
    public string Work { get; } = Path.Combine(root, "work");

    /// <summary>For each function, copies of the secrets that it lists.</summary>
    public string Mounts { get; } = Path.Combine(root, "mounts");

    public void Make()
    {
        Directory.CreateDirectory(root);
        foreach (var (path, mode) in new[]
        {
            (Functions, Private), (Namespaces, Private), (Secrets, Private), (Logs, Private), (Views, Private), (Work, Passage), (Mounts, Passage),
        })
        {
            Directory.CreateDirectory(path);
            File.SetUnixFileMode(path, mode);
        }
    }

    /// <summary>Of a directory of these whose entries are <c>namespace/name</c>: for each entry the function that is called so.</summary>
    public static IEnumerable<FunctionName> FunctionsIn(string directory) =>
        from ns in Directory.EnumerateDirectories(directory)
        from entry in Directory.EnumerateFileSystemEntries(ns)
        select new FunctionName(Path.GetFileName(entry), Path.GetFileName(ns));
}
