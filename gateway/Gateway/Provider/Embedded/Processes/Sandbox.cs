namespace Connectors.Gateway.Provider.Embedded.Processes;

/// <summary>What one function has to itself, and the words that start a process which has that and no more.</summary>
/// <param name="Kind">How far it is kept apart; never <see cref="FunctionIsolation.Auto"/>.</param>
/// <param name="User">Who its processes run as; null for the gateway's own user.</param>
/// <param name="Folder">Its directory, and its processes' working directory.</param>
/// <param name="Secrets">The directory of the secrets that it lists; null for none.</param>
/// <param name="View">The mount table of its processes; only for <see cref="FunctionIsolation.Namespaces"/>.</param>
/// <param name="Limits">Arguments of prlimit; empty for no limits.</param>
internal sealed record Sandbox(FunctionIsolation Kind, int? User, string Folder, string? Secrets, string View, IReadOnlyList<string> Limits)
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

    /// <summary>The whole command line.</summary>
    /// <param name="command">Program and arguments of the function.</param>
    /// <param name="mergesErrors">Whether standard error goes where standard output goes.</param>
    public IReadOnlyList<string> Wrap(IReadOnlyList<string> command, bool mergesErrors)
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
