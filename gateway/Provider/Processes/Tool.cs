namespace Connectors.Provider.Processes;

/// <summary>The small programs, most of util-linux, that prepare a process; found on the gateway's path: the function's own path may be anything.</summary>
internal static class Tool
{
    public static string SetPriv { get; } = Find("setpriv");

    public static string SetSid { get; } = Find("setsid");

    public static string PrLimit { get; } = Find("prlimit");

    public static string Shell { get; } = Find("sh");

    public static string Unshare { get; } = Find("unshare");

    public static string Mount { get; } = Find("mount");

    public static string Env { get; } = Find("env");

    /// <summary>Those that are missing here, of the ones that nothing runs without.</summary>
    public static IReadOnlyList<string> Missing => [.. new[] { SetPriv, SetSid, PrLimit, Shell }.Where(path => !File.Exists(path))];

    private static string Find(string name) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Append("/usr/bin").Append("/bin")
            .Select(folder => Path.Combine(folder, name))
            .FirstOrDefault(File.Exists) ?? name;
}
