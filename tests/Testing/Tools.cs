using System.Collections.Concurrent;
using System.Diagnostics;

namespace Connectors.Testing;

/// <summary>Where the real servers are: fetched, if missing, by <c>tests/Testing/servers/fetch</c>.</summary>
public static class Tools
{
    private static readonly ConcurrentDictionary<string, Lazy<string>> Paths = new();

    /// <summary>The root of the source tree that the running test was built from.</summary>
    public static string RepositoryRoot { get; } = FindRoot(AppContext.BaseDirectory);

    /// <summary>The program of a tool that <c>fetch</c> knows; an environment variable of that name in capitals wins (<c>NATS_SERVER</c> for nats).</summary>
    public static string Path(string tool) => Paths.GetOrAdd(tool, name => new Lazy<string>(() => Fetch(name))).Value;

    private static string Fetch(string tool)
    {
        Run("fetch", tool);
        return Run("fetch", "--path", tool).Trim();
    }

    private static string Run(string script, params string[] arguments)
    {
        var start = new ProcessStartInfo(System.IO.Path.Combine(RepositoryRoot, "tests", "Testing", "servers", script), arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0
            ? output
            : throw new InvalidOperationException($"{script} {string.Join(' ', arguments)}: {errors.GetAwaiter().GetResult()}");
    }

    private static string FindRoot(string folder) =>
        File.Exists(System.IO.Path.Combine(folder, "Connectors.sln"))
            ? folder
            : FindRoot(System.IO.Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("Connectors.sln was not found above the test."));
}
