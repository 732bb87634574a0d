using Connectors.Sdk.Hosting;

namespace Connectors.Cron.Tests;

public sealed class CronOptionsTests
{
    [Fact]
    public void An_address_with_a_query_is_refused()
    {
        var settings = new Settings(new Dictionary<string, string> { ["gateway_url"] = "http://gateway:8080?x=1" });

        _ = CronOptions.Read(settings);

        Assert.StartsWith("gateway_url: ", Assert.Single(settings.Errors), StringComparison.Ordinal);
    }

    // As in gateway and queue-worker.
    [Theory]
    [InlineData("0")]
    [InlineData("2")]
    [InlineData("4")]
    [InlineData("6")]
    public void The_bucket_lies_on_one_three_or_five_servers(string servers)
    {
        var settings = new Settings(new Dictionary<string, string> { ["nats_stream_replicas"] = servers });

        _ = CronOptions.Read(settings);

        Assert.StartsWith($"nats_stream_replicas: \"{servers}\" is not valid", Assert.Single(settings.Errors), StringComparison.Ordinal);
    }
}
