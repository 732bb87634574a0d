using System.Diagnostics;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Connectors.Sdk.Hosting;

/// <summary>
/// Spans of the suite's services. They are sent by OTLP when <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> is set (with OpenTelemetry's own variables beside it); without
/// it nobody listens, no span is made, and a caller's <c>traceparent</c> is passed on as it came.
/// </summary>
public static class Tracing
{
    /// <summary>The variable that turns it on.</summary>
    public const string EndpointVariable = "OTEL_EXPORTER_OTLP_ENDPOINT";

    private const string SourceName = "Connectors";

    private static readonly ActivitySource Source = new(SourceName);

    /// <summary>Whether anybody collects spans.</summary>
    public static bool IsOn => Source.HasListeners();

    /// <summary>Starts a span that continues a <c>traceparent</c>; null while nobody listens.</summary>
    /// <param name="name">What is done, with bounded variety: for example <c>call echo.openfaas-fn</c>.</param>
    /// <param name="kind">Which side of the exchange we are.</param>
    /// <param name="trace">The <c>traceparent</c> to continue; null or an unreadable one starts a trace.</param>
    public static Activity? Start(string name, ActivityKind kind, string? trace)
    {
        if (!IsOn)
        {
            return null;
        }

        if (!ActivityContext.TryParse(trace, null, out var parent))
        {
            // If somebody else has the web server make an activity, that is no span which anybody is sent.
            Activity.Current = null;
        }

        return Source.StartActivity(name, kind, parent);
    }

    /// <summary>Refuses an endpoint that nothing can be sent to: OpenTelemetry would say nothing, and send to this machine.</summary>
    internal static void Check(Settings settings)
    {
        if (settings.Given(EndpointVariable) is { } endpoint && !(Uri.TryCreate(endpoint, UriKind.Absolute, out var url) && url.Scheme is "http" or "https"))
        {
            settings.Fault(EndpointVariable, "an address such as http://otel-collector:4317");
        }
    }

    /// <summary>Sends spans if an endpoint is set; the last ones when the service ends.</summary>
    internal static void AddTracing(this WebApplicationBuilder builder, string service)
    {
        if (Environment.GetEnvironmentVariable(EndpointVariable) is { Length: > 0 })
        {
            builder.Services.AddOpenTelemetry()
                // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES come last, and so count.
                .ConfigureResource(resource => resource.AddService(service, serviceVersion: CommandLine.Version).AddEnvironmentVariableDetector())
                .WithTracing(tracing => tracing.AddSource(SourceName).AddOtlpExporter());
        }
    }
}
