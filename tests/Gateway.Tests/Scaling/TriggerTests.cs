using Connectors.Gateway.Scaling;
using Connectors.Gateway.Scaling.Keda;
using Connectors.Sdk.Hosting;
using Grpc.Core;

namespace Connectors.Gateway.Tests.Scaling;

/// <summary>What the metadata of a trigger asks for.</summary>
public sealed class TriggerTests
{
    private static readonly GatewayOptions Options = GatewayOptions.Read(new Settings(new Dictionary<string, string> { ["faas_nats_channel"] = "own" }));

    [Fact]
    public void Without_metadata_it_is_the_gateways_own_queue_by_a_hundred() => Assert.Equal(new Trigger("own", null, 100), Read());

    [Theory]
    [InlineData("queueName", "slow", "slow", null, 100)]
    [InlineData("functionName", "resize", "own", "resize.openfaas-fn", 100)]
    [InlineData("functionName", "resize.dev", "own", "resize.dev", 100)]
    [InlineData("threshold", "2.5", "own", null, 2.5)]
    [InlineData("threshold", " ", "own", null, 100)]
    [InlineData("scalerAddress", "gateway-scaler:8090", "own", null, 100)]
    public void Each_key_means_its_own(string key, string value, string queue, string? function, double threshold) =>
        Assert.Equal(new Trigger(queue, function, threshold), Read((key, value)));

    [Theory]
    [InlineData("threshold", "0")]
    [InlineData("threshold", "-1")]
    [InlineData("threshold", "many")]
    [InlineData("threshold", "1000000001")]
    [InlineData("threshold", "99999999999999999999999999")]
    [InlineData("queueName", "Upper")]
    [InlineData("functionName", "a b")]
    public void What_cannot_be_meant_is_refused_by_name(string key, string value)
    {
        var fault = Assert.Throws<RpcException>(() => Read((key, value)));

        Assert.Equal(StatusCode.InvalidArgument, fault.StatusCode);
        Assert.StartsWith($"{key}: \"{value}\"", fault.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void So_is_a_name_that_no_queue_takes()
    {
        var fault = Assert.Throws<RpcException>(() => Read(("functionName", new string('a', 4_000))));

        Assert.StartsWith("functionName: ", fault.Status.Detail, StringComparison.Ordinal);
        Assert.Equal($"{new string('a', 200)}.openfaas-fn", Read(("functionName", new string('a', 200))).Function);
    }

    private static Trigger Read(params (string Key, string Value)[] metadata)
    {
        var scaled = new ScaledObjectRef();
        foreach (var (key, value) in metadata)
        {
            scaled.ScalerMetadata[key] = value;
        }

        return Trigger.Read(scaled, Options);
    }
}
