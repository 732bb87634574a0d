using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;

namespace Connectors.QueueWorker.Dispatching;

/// <summary>How functions are called and called again.</summary>
internal sealed record DispatchOptions
{
    private static readonly RetryPolicy RetryDefaults =
        RetryOptions.Defaults(100, TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(120), BackOffKind.Exponential);

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
        Retry = RetryOptions.Read(settings, "a call", RetryDefaults),
        MaxResultBytes = settings.LongNumber("max_result_bytes", 16 << 20, "Longest answer kept for a callback; a longer one is reported without its body", 0, 1 << 30),
        WriteDebug = settings.Flag("write_debug", false, "Log the bodies of answers"),
    };
}
