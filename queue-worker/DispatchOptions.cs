using System.Globalization;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;

namespace Connectors.QueueWorker;

/// <summary>How functions are called and called again.</summary>
internal sealed record DispatchOptions
{
    public required Uri Gateway { get; init; }

    /// <summary>Bounds one send of a call.</summary>
    public required TimeSpan UpstreamTimeout { get; init; }

    public required RetryPolicy Retry { get; init; }

    /// <summary>The longest answer kept for a callback.</summary>
    public required long MaxResultBytes { get; init; }

    /// <summary>Whether answers' bodies are logged.</summary>
    public required bool WriteDebug { get; init; }

    public static DispatchOptions Read(Settings settings) => new()
    {
        Gateway = settings.Url("gateway_url", "http://gateway.openfaas:8080", "Address of the gateway through which functions are called") ?? new Uri("http://gateway.openfaas:8080"),
        UpstreamTimeout = settings.Duration(
            "upstream_timeout", TimeSpan.FromMinutes(1), "How long one send of a call may take", TimeSpan.FromMilliseconds(1), TimeSpan.FromDays(7)),
        Retry = ReadRetry(settings),
        MaxResultBytes = settings.LongNumber("max_result_bytes", 16 << 20, "Longest answer kept for a callback; a longer one is reported without its body", 0, 1 << 30),
        WriteDebug = settings.Flag("write_debug", false, "Log the bodies of answers"),
    };

    private static RetryPolicy ReadRetry(Settings settings)
    {
        var policy = new RetryPolicy
        {
            Attempts = settings.Number("max_retry_attempts", 100, "How often a call is sent in all, the first time included", 1),
            MinWait = settings.Duration("initial_retry_wait", TimeSpan.FromSeconds(10), "Wait before a call is sent the second time"),
            MaxWait = settings.Duration("max_retry_wait", TimeSpan.FromSeconds(120), "Longest wait between two sends of a call"),
            Codes = ReadCodes(settings),
            BackOff = settings.Choice("backoff", BackOffKind.Exponential, "How waits are spread: exponential (not), full (0 to 100 %) or equal (50 to 100 %)"),
        };

        if (policy.MaxWait < policy.MinWait)
        {
            settings.Fault("max_retry_wait", "no shorter than initial_retry_wait");
        }

        return policy;
    }

    private static HashSet<int> ReadCodes(Settings settings)
    {
        const string name = "retry_http_codes";
        var codes = new HashSet<int>();
        foreach (var text in settings.List(name, "408,429,500,502,503,504", "HTTP statuses after which a call is sent again"))
        {
            if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var code) || code is < 400 or > 599)
            {
                settings.Fault(name, "statuses from 400 to 599, separated by commas");
                break;
            }

            codes.Add(code);
        }

        return codes;
    }
}
