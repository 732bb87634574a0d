using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Reflection;
using System.Text;

namespace Connectors.Sdk.Hosting;

/// <summary>What a service does before it starts: read its options, or show them and leave.</summary>
public static class CommandLine
{
    /// <summary>Exit code for bad configuration.</summary>
    public const int BadConfiguration = 2;

    /// <summary>The version of the program that runs, for <c>--version</c>, the log and <c>User-Agent</c>: what its project file calls <c>Version</c>.</summary>
    public static string Version { get; } =
        (Assembly.GetEntryAssembly() ?? Assembly.GetExecutingAssembly()).GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "0.0.0";

    /// <summary>Reads a service's options. False means that the process should end with <paramref name="exitCode"/>: all was said on the console.</summary>
    /// <param name="purpose">One sentence: what the service is for.</param>
    /// <param name="args">The process's arguments.</param>
    /// <param name="read">Reads, and so declares, every option.</param>
    /// <param name="options">The options, valid only with true.</param>
    /// <param name="exitCode">0 after <c>--help</c>, <c>--version</c> and <c>--print-config</c>; what <c>--ready</c> found; 2 after faults.</param>
    public static bool TryRead<TOptions>(string purpose, string[] args, Func<Settings, TOptions> read, out TOptions options, out int exitCode)
    {
        var settings = Settings.FromProcess(args);
        options = read(settings);
        exitCode = 0;
        if (args.Contains("--version"))
        {
            return Say(Console.Out, Version);
        }

        if (args.Any(a => a is "--help" or "-h" or "-help"))
        {
            return Say(Console.Out, Help(purpose, settings));
        }

        if (args.FirstOrDefault(a => a.Split('=')[0] == "--ready") is { } ready)
        {
            exitCode = IsReady(ready, settings) ? 0 : 1;
            return false;
        }

        if (settings.Errors.Count > 0)
        {
            exitCode = BadConfiguration;
            return Say(Console.Error, string.Join('\n', settings.Errors));
        }

        return !args.Contains("--print-config") || Say(Console.Out, Effective(settings));
    }

    // For health checks of containers: images have neither shell nor curl.
    private static bool IsReady(string flag, Settings settings)
    {
        var address = flag.Contains('=', StringComparison.Ordinal)
            ? flag[(flag.IndexOf('=', StringComparison.Ordinal) + 1)..].TrimEnd('/')
            : $"http://{Here(Value("bind_address"))}:{Value("metrics_port")}";
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { Timeout = TimeSpan.FromSeconds(4) };
        try
        {
            using var answer = http.Send(new HttpRequestMessage(HttpMethod.Get, $"{address}/readyz"));
            return answer.IsSuccessStatusCode;
        }
        catch (Exception fault) when (fault is HttpRequestException or TaskCanceledException or UriFormatException or InvalidOperationException or NotSupportedException)
        {
            return false;
        }

        string Value(string name) => settings.Declared.First(setting => setting.Name == name).Value;
    }

    // Where a service on this machine is reached that listens there.
    private static string Here(string bind) => IPAddress.TryParse(bind, out var address) switch
    {
        true when address!.Equals(IPAddress.IPv6Any) => "[::1]",
        true when !address.Equals(IPAddress.Any) => address.AddressFamily == AddressFamily.InterNetworkV6 ? $"[{address}]" : $"{address}",
        _ => "127.0.0.1",
    };

    private static bool Say(TextWriter console, string text)
    {
        console.WriteLine(text);
        return false;
    }

    private static string Help(string purpose, Settings settings)
    {
        var text = new StringBuilder()
            .AppendLine(purpose)
            .AppendLine()
            .AppendLine("Options are environment variables; each may also be given as a flag, --name=value.")
            .AppendLine("  --help          this text")
            .AppendLine("  --print-config  the effective options, secrets masked")
            .AppendLine("  --ready         asks the service that runs here, or at --ready=http://host:port of its metrics, whether it is ready: exit code 0 or 1")
            .AppendLine("  --version       the version")
            .AppendLine();
        foreach (var setting in settings.Declared)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"  {setting.Name}{(setting.Default.Length > 0 ? $" (default {setting.Default})" : "")}")
                .AppendLine(CultureInfo.InvariantCulture, $"      {setting.Meaning}");
        }

        return text.ToString().TrimEnd();
    }

    private static string Effective(Settings settings) =>
        string.Join('\n', settings.Declared.Select(s => $"{s.Name}={s.Shown}"));
}
