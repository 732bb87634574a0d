namespace Connectors.Provider.Isolation;

/// <summary>The gateway's own files, which no function may see: its secrets, its keys, and its data.</summary>
internal static class HiddenPaths
{
    /// <param name="options">What the gateway was told.</param>
    /// <param name="user">Who functions run as; null for the gateway's user.</param>
    public static IReadOnlyList<string> Of(ProviderOptions options, int? user)
    {
        List<string> all = [.. options.HiddenPaths.Select(Full).Append(Covering(options.DataPath, user)).Where(Path.Exists).Distinct()];
        return [.. all.Where(path => !all.Any(other => path.StartsWith(other + "/", StringComparison.Ordinal)))];
    }

    /// <summary>The first directory on the way to a path, the path itself included, that not every user may enter; null if there is none.</summary>
    public static string? FirstClosed(string path)
    {
        var way = path.Split('/', StringSplitOptions.RemoveEmptyEntries).Aggregate(new List<string>(), (way, next) => [.. way, $"{way.LastOrDefault()}/{next}"]);
        return way.FirstOrDefault(folder => Directory.Exists(folder) && (File.GetUnixFileMode(folder) & UnixFileMode.OtherExecute) == 0);
    }

    // A directory that another user may not enter hides what is below it from that user anyway; covered as a whole, the way to the function's own is free.
    private static string Covering(string data, int? user) => user is null ? data : FirstClosed(data) ?? data;

    private static string Full(string path) => Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
}
