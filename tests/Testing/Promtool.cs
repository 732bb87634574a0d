using System.Diagnostics;

namespace Connectors.Testing;

/// <summary>Prometheus's own judge of expositions and rules.</summary>
public static class Promtool
{
    /// <summary>Runs it with the given standard input.</summary>
    public static async Task<(int ExitCode, string Output)> RunAsync(string input, params string[] arguments)
    {
        var start = new ProcessStartInfo(Tools.Path("prometheus"), arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        using var promtool = Process.Start(start)!;
        var output = promtool.StandardOutput.ReadToEndAsync();
        var errors = promtool.StandardError.ReadToEndAsync();
        await promtool.StandardInput.WriteAsync(input);
        promtool.StandardInput.Close();
        await promtool.WaitForExitAsync();
        return (promtool.ExitCode, await errors + await output);
    }

    /// <summary>What <c>promtool check metrics</c> says of an exposition: nothing, if it is sound.</summary>
    public static async Task<string> CheckMetricsAsync(string exposition) => (await RunAsync(exposition, "check", "metrics")).Output;

    /// <summary>What it objects to in that which a service exposes now, a line for each objection, in their order.</summary>
    /// <param name="service">The service.</param>
    /// <param name="excepted">Names that OpenFaaS gave.</param>
    public static async Task<IReadOnlyList<string>> ObjectionsAsync(ServiceProcess service, params string[] excepted)
    {
        using var http = new HttpClient(new SocketsHttpHandler());
        var said = await CheckMetricsAsync(await http.GetStringAsync(new Uri(service.Metrics, "/metrics")));
        return [.. said.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(line => !excepted.Contains(line.Split(' ')[0])).Order()];
    }
}
