namespace Connectors.Gateway.Tests;

/// <summary>The server of <c>http-function.pl</c> as a function's process.</summary>
internal static class HttpFunction
{
    /// <summary>Program and arguments in one, so that whoever runs it need not be able to read our files.</summary>
    public static string Command { get; } =
        $"perl -e '{File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "http-function.pl")).Replace("'", "'\"'\"'", StringComparison.Ordinal)}'";

    /// <summary>How many of them run in a gateway's <c>openfaas-fn</c> as <paramref name="name"/>.</summary>
    public static int Running(TestGateway gateway, string name) => Processes.In(Path.Combine(gateway.DataPath, "work", "openfaas-fn", name), "perl");
}
