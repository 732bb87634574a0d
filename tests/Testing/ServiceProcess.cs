using System.Globalization;
using System.Text.RegularExpressions;

namespace Connectors.Testing;

/// <summary>
/// One of our own services as a real process, on free ports unless told otherwise: the published one, if <c>CONNECTORS_PROGRAMS</c> says where they are
/// (each in a folder of its name), else the one that was built.
/// </summary>
public sealed partial class ServiceProcess : IAsyncDisposable
{
    // The exit codes of what aborted, and of what touched memory that is not its own.
    private const int Aborted = 134;
    private const int Segmentation = 139;

    private readonly string _project;
    private readonly Dictionary<string, string> _environment;
    private readonly IReadOnlyList<string> _command;
    private readonly List<ChildProcess> _ended = [];
    private ChildProcess? _process;

    private ServiceProcess(string project, IReadOnlyDictionary<string, string> environment, IEnumerable<string> through)
    {
        _project = project;
        _command = [.. through, .. Command(project)];
        _environment = new Dictionary<string, string>(environment);
        _environment.TryAdd("metrics_port", Port());
        _environment.TryAdd("port", Port());
    }

    /// <summary>The API's address; only for services that have one.</summary>
    public Uri Api { get; private set; } = new("http://127.0.0.1");

    /// <summary>The address of <c>/metrics</c>, <c>/healthz</c> and <c>/readyz</c>.</summary>
    public Uri Metrics { get; private set; } = new("http://127.0.0.1");

    /// <summary>The running process.</summary>
    public ChildProcess Process => _process ?? throw new InvalidOperationException($"{_project} was not started.");

    /// <summary>All that it wrote, in all of its starts.</summary>
    public IEnumerable<string> Log => _ended.Append(Process).SelectMany(process => process.Lines);

    /// <summary>Starts a service and waits until it answers that it is ready.</summary>
    /// <param name="project">The project's name, for example <c>QueueWorker</c>, or an assembly of another version: a path that ends with <c>.dll</c>.</param>
    /// <param name="environment">Its options.</param>
    /// <param name="ready">Whether to wait for <c>/readyz</c> rather than only for its listeners.</param>
    /// <param name="through">A program and its arguments that becomes it, for example <c>setpriv --reuid=…</c>; empty for none.</param>
    public static async Task<ServiceProcess> StartAsync(string project, IReadOnlyDictionary<string, string> environment, bool ready = true, params IReadOnlyList<string> through)
    {
        var service = new ServiceProcess(project, environment, through);
        await service.StartAgainAsync(ready);
        return service;
    }

    /// <summary>Runs it to its end, for example with <c>--help</c> or a bad option.</summary>
    public static async Task<(int ExitCode, string Output)> RunAsync(string project, IReadOnlyDictionary<string, string> environment, params string[] arguments)
    {
        var command = Command(project);
        await using var process = ChildProcess.Start(command[0], [.. command.Skip(1), .. arguments], environment, bare: true);
        var exitCode = await process.ExitAsync();
        return (exitCode, string.Join('\n', process.Lines));
    }

    /// <summary>Starts it again with the same options, on the ports that it had.</summary>
    public async Task StartAgainAsync(bool ready = true)
    {
        if (_process is not null)
        {
            _ended.Add(_process);
        }

        _process = ChildProcess.Start(_command[0], [.. _command.Skip(1)], _environment, bare: true);
        Metrics = await ListeningAsync("metrics");
        if (_process.Lines.Any(line => line.Contains("\"purpose\":\"api\"", StringComparison.Ordinal)))
        {
            Api = await ListeningAsync("api");
        }

        if (ready)
        {
            await IsReadyAsync();
        }
    }

    /// <summary>Waits until <c>/readyz</c> answers 200.</summary>
    public async Task IsReadyAsync()
    {
        using var http = new HttpClient(new SocketsHttpHandler());
        await Eventually.HoldsAsync(
            async () => Process.HasExited || (await http.GetAsync(new Uri(Metrics, "/readyz"))).IsSuccessStatusCode,
            () => $"{_project} is ready; it wrote:\n{Process.Tail()}");
        if (Process.HasExited)
        {
            throw new InvalidOperationException($"{_project} ended with {Process.ExitCode} before it was ready:\n{Process.Tail()}");
        }
    }

    /// <summary>The value of a metric's sample, labels as exposed, for example <c>name{queue_name="q"}</c>; null if there is none.</summary>
    public async Task<double?> MetricAsync(string sample)
    {
        using var http = new HttpClient(new SocketsHttpHandler());
        var text = await http.GetStringAsync(new Uri(Metrics, "/metrics"));
        var line = text.Split('\n').FirstOrDefault(l => l.StartsWith(sample + " ", StringComparison.Ordinal));
        return line is null ? null : double.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture);
    }

    /// <summary>SIGTERM; returns the exit code.</summary>
    /// <exception cref="InvalidOperationException">It crashed: the message has its last lines.</exception>
    public async Task<int> TerminateAsync()
    {
        var code = await Process.TerminateAsync();
        return code is not (Aborted or Segmentation) ? code : throw new InvalidOperationException($"It ended with code {code}.\n{Process.Tail()}");
    }

    /// <summary>SIGKILL.</summary>
    public Task KillAsync() => Process.KillAsync();

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _process?.DisposeAsync() ?? ValueTask.CompletedTask;

    /// <summary>The assembly of a project that was built as the running test was; an assembly's path stays as it is.</summary>
    public static string Assembly(string project) => project.EndsWith(".dll", StringComparison.Ordinal)
        ? project
        : Path.Combine(Tools.RepositoryRoot, "artifacts", "bin", project, Configuration, project + ".dll");

    private static IReadOnlyList<string> Command(string project) =>
        Environment.GetEnvironmentVariable("CONNECTORS_PROGRAMS") is { Length: > 0 } programs && !Path.IsPathRooted(project) && Path.Combine(programs, project, project) is var program && File.Exists(program)
            ? [program]
            : ["dotnet", Assembly(project)];

    private static string Port() => FreePort.Next().ToString(CultureInfo.InvariantCulture);

    private static string Configuration => AppContext.BaseDirectory.TrimEnd('/').EndsWith("debug", StringComparison.OrdinalIgnoreCase) ? "debug" : "release";

    private async Task<Uri> ListeningAsync(string purpose)
    {
        var line = await Process.LineAsync(
            l => l.Contains($"\"purpose\":\"{purpose}\"", StringComparison.Ordinal) && l.Contains("Listening", StringComparison.Ordinal),
            $"{_project} listens for {purpose}");
        var address = new Uri(Address().Match(line).Groups[1].Value);
        return address.Host is "[::]" or "0.0.0.0" ? new UriBuilder(address) { Host = "127.0.0.1" }.Uri : address;
    }

    [GeneratedRegex("\"address\":\"([^\"]+)\"")]
    private static partial Regex Address();
}
