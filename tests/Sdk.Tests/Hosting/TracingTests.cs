using Connectors.Sdk.Hosting;

namespace Connectors.Sdk.Tests.Hosting;

public class TracingTests
{
    [Theory]
    [InlineData("otel-collector:4317")]
    [InlineData("otel-collector")]
    [InlineData("10.0.0.5:4317")]
    [InlineData("grpc://otel-collector:4317")]
    [InlineData("http://")]
    [InlineData("/v1/traces")]
    public void An_endpoint_that_nothing_can_be_sent_to_is_refused(string endpoint) =>
        Assert.Equal([$"OTEL_EXPORTER_OTLP_ENDPOINT: \"{endpoint}\" is not valid; allowed: an address such as http://otel-collector:4317"], Errors(endpoint));

    [Theory]
    [InlineData("")]
    [InlineData("http://otel-collector:4317")]
    [InlineData("https://collector.example.com/base/")]
    [InlineData("http://[::1]:4318")]
    public void Any_other_is_taken(string endpoint) => Assert.Empty(Errors(endpoint));

    private static IReadOnlyList<string> Errors(string endpoint)
    {
        var settings = new Settings(new Dictionary<string, string> { [Tracing.EndpointVariable] = endpoint });
        ServiceOptions.Read(settings, "test-connector");
        return settings.Errors;
    }
}
