using System.Globalization;
using Connectors.Testing;

namespace Connectors.Benchmarks.Whole;

/// <summary>How long services take from their process's start until they say that they are ready, and what they hold when nobody asks them for anything.</summary>
internal static class StartBenchmark
{
    private static readonly TimeSpan Idle = TimeSpan.FromSeconds(5);

    internal static async Task<Report> RunAsync(BenchmarkRequest request)
    {
        var report = new Report("Start, and rest").Row("", "seconds until ready", "processor seconds by then", "MB after 5 s of rest", "of these its own");
        await using var nats = await NatsServer.StartAsync();
        foreach (var (project, name) in new[] { ("Gateway", "gateway"), ("QueueWorker", "queue-worker"), ("CronConnector", "cron-connector") })
        {
            foreach (var build in request.Builds.Where(build => File.Exists(build.Assembly(project))))
            {
                var starts = new List<(double Seconds, double Cpu, double Memory, double Own)>();
                for (var round = 0; round < request.Rounds; round++)
                {
                    starts.Add(await StartAsync(build, project, nats.Port));
                }

                report.Row(build.Named(name), Median(starts, start => start.Seconds), Median(starts, start => start.Cpu), Median(starts, start => start.Memory), Median(starts, start => start.Own));
            }
        }

        return report.Note($"Medians of {request.Rounds} starts.");
    }

    private static async Task<(double Seconds, double Cpu, double Memory, double Own)> StartAsync(Build build, string project, int natsPort)
    {
        var home = Directory.CreateTempSubdirectory("bench-");
        await File.WriteAllTextAsync(Path.Combine(home.FullName, "basic-auth-user"), "admin");
        await File.WriteAllTextAsync(Path.Combine(home.FullName, "basic-auth-password"), "bench");
        var metrics = Text(FreePort.Next());
        using var http = new HttpClient(new SocketsHttpHandler());
        var begun = TimeProvider.System.GetTimestamp();
        var command = build.Command(project);
        await using var process = ChildProcess.Start(
            command[0],
            command.Skip(1),
            new Dictionary<string, string>(build.Environment)
            {
                ["faas_nats_address"] = "127.0.0.1",
                ["faas_nats_port"] = Text(natsPort),
                ["nats_host"] = "127.0.0.1",
                ["nats_port"] = Text(natsPort),
                ["data_path"] = Path.Combine(home.FullName, "data"),
                ["secret_mount_path"] = home.FullName,
                ["gateway_url"] = "http://127.0.0.1:1",
                ["port"] = Text(FreePort.Next()),
                ["metrics_port"] = metrics,
            },
            bare: true);

        // A connector is ready once it knows the functions; without a gateway its listener counts.
        await IsUpAsync(http, new Uri($"http://127.0.0.1:{metrics}/{(project == "CronConnector" ? "healthz" : "readyz")}"), process);
        var seconds = TimeProvider.System.GetElapsedTime(begun).TotalSeconds;
        var part = Part.Of(project, process);
        var cpu = part.Usage.Cpu.TotalSeconds;
        await Task.Delay(Idle, TimeProvider.System);
        var atRest = part.Usage;
        await process.DisposeAsync();
        home.Delete(recursive: true);
        return (seconds, cpu, atRest.Resident / 1000.0, atRest.Own / 1000.0);
    }

    private static async Task IsUpAsync(HttpClient http, Uri url, ChildProcess process)
    {
        while (!process.HasExited)
        {
            try
            {
                using var answer = await http.GetAsync(url);
                if (answer.IsSuccessStatusCode)
                {
                    return;
                }
            }
            catch (HttpRequestException)
            {
                // It does not listen yet.
            }

            await Task.Delay(TimeSpan.FromMilliseconds(2), TimeProvider.System);
        }

        throw new InvalidOperationException($"It ended before it was ready:\n{process.Tail()}");
    }

    private static double Median(List<(double, double, double, double)> starts, Func<(double Seconds, double Cpu, double Memory, double Own), double> part) => starts.Select(part).Order().ElementAt(starts.Count / 2);

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
