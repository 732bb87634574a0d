namespace Connectors.Gateway.Provider.Embedded.Processes;

/// <summary>The small programs of util-linux that prepare a process, found on the gateway's path: the function's own path may be anything.</summary>
internal static class Tool
{
    public static string SetPriv { get; } = Find("setpriv");

    public static string SetSid { get; } = Find("setsid");

    public static string PrLimit { get; } = Find("prlimit");

    public static string Shell { get; } = Find("sh");

    /// <summary>Those that are missing here.</summary>
    public static IReadOnlyList<string> Missing => [.. new[] { SetPriv, SetSid, PrLimit, Shell }.Where(path => !File.Exists(path))];

    private static string Find(string name) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Append("/usr/bin").Append("/bin")
            .Select(folder => Path.Combine(folder, name))
            .FirstOrDefault(File.Exists) ?? name;
}
