namespace Connectors.Gateway.Provider.Embedded.Processes;

/// <summary>What a process is to be.</summary>
/// <param name="Command">Program and arguments, with all that prepares it before.</param>
/// <param name="Folder">Its working directory.</param>
/// <param name="Environment">All of its variables.</param>
/// <param name="EndsAsOne">Whether the kernel ends everything that it starts when it ends.</param>
internal sealed record ProcessPlan(IReadOnlyList<string> Command, string Folder, IReadOnlyDictionary<string, string> Environment, bool EndsAsOne)
{
    // Variables that the programs before the function's own would obey too, and those may be root.
    private static readonly string[] Obeyed =
        ["LD_", "GLIBC_", "MALLOC_", "LIBMOUNT_", "LIBBLKID_", "BASH_", "BASHOPTS=", "GCONV_PATH=", "LOCPATH=", "NLSPATH=", "ENV=", "SHELLOPTS=", "PS4="];

    /// <summary>A function's process.</summary>
    public static ProcessPlan Of(Sandbox sandbox, IReadOnlyList<string> command, IReadOnlyDictionary<string, string> variables, bool mergesErrors)
    {
        var late = variables.Where(v => Obeyed.Any(name => (v.Key + "=").StartsWith(name, StringComparison.Ordinal))).ToDictionary();
        IReadOnlyList<string> words = late.Count > 0 ? [Tool.Env, .. late.Select(v => $"{v.Key}={v.Value}"), .. command] : command;
        return new ProcessPlan(
            sandbox.Wrap(words, mergesErrors),
            sandbox.Folder,
            variables.Where(v => !late.ContainsKey(v.Key)).ToDictionary(),
            sandbox.Kind == FunctionIsolation.Namespaces);
    }
}
