using System.Text;
using System.Text.RegularExpressions;
using Connectors.Provider.Processes;

namespace Connectors.Provider.Isolation;

/// <summary>What one function has to itself, and the words that start a process which has that and no more.</summary>
/// <param name="Kind">How far it is kept apart; never <see cref="FunctionIsolation.Auto"/>.</param>
/// <param name="User">Who its processes run as; null for the gateway's own user.</param>
/// <param name="Folder">Its directory, and its processes' working directory.</param>
/// <param name="Secrets">The directory of the secrets that it lists; null for none.</param>
/// <param name="View">The mount table of its processes; only for <see cref="FunctionIsolation.Namespaces"/>.</param>
/// <param name="Limits">Arguments of prlimit; empty for no limits.</param>
internal sealed partial record Sandbox(FunctionIsolation Kind, int? User, string Folder, string? Secrets, string View, IReadOnlyList<string> Limits)
{
    // As the first process of its namespace: what is to be seen is held open while everything around it is covered. It stays, so that signals
    // and orphans are handled as usual; with its end the kernel ends all others, whatever they made of themselves.
    private const string Enter = """
        exec 3<"$2" 4<"$3"
        "$4" -n -c -a -T "$1" || exit 125
        cd "$2" || exit 125
        unset OLDPWD
        shift 4
        """;

    private const string RunMerged = "\n\"$@\" 3<&- 4<&- 2>&1\nexit $?";
    private const string RunApart = "\n\"$@\" 3<&- 4<&-\nexit $?";

    // Variables that the programs before the function's own would obey too, and those may be root.
    private static readonly string[] Obeyed =
        ["LD_", "GLIBC_", "MALLOC_", "LIBMOUNT_", "LIBBLKID_", "BASH_", "BASHOPTS=", "GCONV_PATH=", "LOCPATH=", "NLSPATH=", "ENV=", "SHELLOPTS=", "PS4="];

    /// <summary>A process of the function.</summary>
    /// <param name="command">Program and arguments.</param>
    /// <param name="variables">Its whole environment.</param>
    /// <param name="mergesErrors">Whether standard error goes where standard output goes.</param>
    public ProcessPlan Plan(IReadOnlyList<string> command, IReadOnlyDictionary<string, string> variables, bool mergesErrors)
    {
        var late = variables.Where(IsLate).ToList();
        var environment = variables.Where(v => !IsLate(v)).ToDictionary();
        if (late.Count > 0)
        {
            command = [Tool.Shell, "-c", SetLate(late, environment), "function", .. command];
        }

        return new ProcessPlan(Wrap(command, mergesErrors), Folder, environment, EndsAsOne: Kind == FunctionIsolation.Namespaces);
    }

    // What the programs in between obey, what their shell would drop (my.setting), and what .NET cannot hand on as it is.
    private static bool IsLate(KeyValuePair<string, string> variable) =>
        !ShellName().IsMatch(variable.Key)
        || Obeyed.Any(name => (variable.Key + "=").StartsWith(name, StringComparison.Ordinal))
        || EnvironmentBytes.AreNeeded(variable.Value);

    // Under names of our own on the way, so that no value stands on a command line that everybody may read; the last shell before the function puts them
    // in their places: exec env -u LATE_0 -- "$LATE_0" "$@", where LATE_0 is my.setting=1.
    private static string SetLate(List<KeyValuePair<string, string>> late, Dictionary<string, string> environment)
    {
        var script = new StringBuilder("exec ").Append(Quoted(Tool.Env));
        var settings = new StringBuilder();
        for (var i = 0; i < late.Count; i++)
        {
            var (name, value) = late[i];
            var alias = $"CONNECTORS_LATE_{i}";
            var isOdd = EnvironmentBytes.AreNeeded(value);
            environment[alias] = isOdd ? EnvironmentBytes.Escaped($"{name}={value}") : $"{name}={value}";
            script.Append($" -u {alias}");
            settings.Append(isOdd ? $" \"$(printf %b \"${alias}\")\"" : $" \"${alias}\"");
        }

        return script.Append(" --").Append(settings).Append(" \"$@\"").ToString();
    }

    private static string Quoted(string path) => $"'{path.Replace("'", @"'\''", StringComparison.Ordinal)}'";

    [GeneratedRegex(@"^[A-Za-z_][A-Za-z0-9_]*\z")]
    private static partial Regex ShellName();

    private IReadOnlyList<string> Wrap(IReadOnlyList<string> command, bool mergesErrors)
    {
        // Each of these does one thing to itself and then becomes the next.
        IReadOnlyList<string> limited = Limits.Count > 0 ? [Tool.PrLimit, .. Limits, .. command] : command;
        IReadOnlyList<string> merged = mergesErrors ? [Tool.Shell, "-c", "exec \"$@\" 2>&1", "function", .. limited] : limited;
        return Kind switch
        {
            FunctionIsolation.Namespaces =>
            [
                Tool.SetPriv, "--pdeathsig", "KILL", "--no-new-privs", Tool.SetSid,
                Tool.Unshare, .. (string[])(User is null ? ["--user", "--map-root-user"] : []), "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
                Tool.Shell, "-c", Enter + (mergesErrors ? RunMerged : RunApart), "function", View, Folder, Secrets ?? Folder, Tool.Mount,
                Tool.Unshare, .. User is { } user ? [$"--setgid={user}", $"--setuid={user}"] : (string[])["--user", .. UserIds.MapToSelf], .. limited,
            ],
            FunctionIsolation.User => [Tool.SetPriv, "--pdeathsig", "KILL", .. Become(User!.Value), Tool.SetSid, .. merged],
            _ => [Tool.SetPriv, "--pdeathsig", "KILL", Tool.SetSid, .. merged],
        };
    }

    private static string[] Become(int user) => [$"--reuid={user}", $"--regid={user}", "--clear-groups", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"];
}
