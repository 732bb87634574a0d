namespace Connectors.Provider.Isolation;

/// <summary>The gateway's own files, which no function may see: its secrets, its keys, its data, and what its user's services listen on.</summary>
internal static class HiddenPaths
{
    private const string RuntimeOfAllUsers = "/run/user";

    /// <param name="options">What the gateway was told.</param>
    /// <param name="user">Who functions run as; null for the gateway's user.</param>
    public static IReadOnlyList<string> Of(ProviderOptions options, int? user)
    {
        // What users' services listen on comes last: by another name, such as /var/run, the rest may lie below it.
        string[] known = [.. options.HiddenPaths.Select(Full), Covering(options.DataPath, user), .. user is null ? RuntimeFolders().Select(Full) : []];
        List<string> all = [.. known.Where(Path.Exists).Distinct()];
        return [.. all.Where(path => !all.Any(other => path.StartsWith(other + "/", StringComparison.Ordinal)))];
    }

    /// <summary>The first directory on the way to a path, the path itself included, that not every user may enter; null if there is none.</summary>
    public static string? FirstClosed(string path)
    {
        var way = path.Split('/', StringSplitOptions.RemoveEmptyEntries).Aggregate(new List<string>(), (way, next) => [.. way, $"{way.LastOrDefault()}/{next}"]);
        return way.FirstOrDefault(IsClosed);
    }

    // A directory that another user may not enter hides what is below it from that user anyway; covered as a whole, the way to the function's own is free.
    private static string Covering(string data, int? user) => user is null ? data : FirstClosed(data) ?? data;

    // Through its sockets the user's services, systemd among them, run whatever they are told to. Other users are kept out by its modes. Those of all users are
    // covered as one: each is there only while its user is logged in, and what a function sees is written down when it is deployed.
    private static IEnumerable<string> RuntimeFolders() =>
        Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR") is { } own && Path.IsPathRooted(own) && IsClosed(own) ? [own, RuntimeOfAllUsers] : [RuntimeOfAllUsers];

    private static bool IsClosed(string folder) => Directory.Exists(folder) && (File.GetUnixFileMode(folder) & UnixFileMode.OtherExecute) == 0;

    private static string Full(string path) => Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
}
