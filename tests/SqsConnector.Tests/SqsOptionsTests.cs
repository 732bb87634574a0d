using Connectors.Sdk.Hosting;
using Connectors.Sqs.Settling;

namespace Connectors.Sqs.Tests;

public class SqsOptionsTests
{
    private const string Url = "https://sqs.eu-central-1.amazonaws.com/123456789012/orders";

    [Fact]
    public void Unset_options_are_those_of_the_openfaas_chart()
    {
        var options = Running.Options(("queue_url", Url));

        Assert.Equal(TimeSpan.FromSeconds(30), options.VisibilityTimeout);
        Assert.Equal(TimeSpan.FromSeconds(10), options.VisibilityRenewal);
        Assert.Equal(TimeSpan.FromSeconds(20), options.WaitTime);
        Assert.Equal(TimeSpan.FromSeconds(30), options.Connector.UpstreamTimeout);
        Assert.Equal(TimeSpan.FromSeconds(30), options.Connector.RebuildInterval);
        Assert.Equal(("text/plain", true, false), (options.Connector.ContentType, options.Connector.BasicAuth, options.Connector.Asynchronous));
        Assert.Equal(TimeSpan.FromSeconds(30), options.DepthInterval);
        Assert.Equal("http://gateway.openfaas:8080/", options.Connector.GatewayUrl.AbsoluteUri);
        Assert.Equal(OnFailure.BackOff, options.Failure.OnFailure);
    }

    [Fact]
    public void The_flags_of_the_openfaas_connector_are_taken()
    {
        var settings = Settings.FromProcess(
            ["--queue-url=" + Url + "," + Url + "-2", "--visibility-timeout=1m", "--wait-time=5s", "--max-messages=3", "--on-failure=delete"]);

        var options = SqsOptions.Read(settings);

        Assert.Empty(settings.Errors);
        Assert.Equal(["orders", "orders-2"], options.Queues.Select(q => q.Name));
        Assert.Equal((TimeSpan.FromMinutes(1), TimeSpan.FromSeconds(5), 3), (options.VisibilityTimeout, options.WaitTime, options.MaxMessages));
        Assert.Equal(OnFailure.Delete, options.Failure.OnFailure);
    }

    [Theory]
    [InlineData("https://queues.example/1/orders", "", "", "eu-west-1")]
    [InlineData("https://queues.example/1/orders", "", "us-east-1", "us-east-1")]
    [InlineData("https://queues.example/1/orders", "ap-south-1", "us-east-1", "ap-south-1")]
    [InlineData("https://queues.example/1/orders", "ap-south-1", "", "ap-south-1")]
    [InlineData(Url, "ap-south-1", "us-east-1", "eu-central-1")]
    public void A_region_in_the_address_goes_before_the_aws_variables(string url, string region, string fallback, string signed) =>
        Assert.Equal(signed, Assert.Single(Running.Options(("queue_url", url), ("AWS_REGION", region), ("AWS_DEFAULT_REGION", fallback)).Queues).Region);

    [Theory]
    [InlineData("queue_url", "")]
    [InlineData("queue_url", "https://")]
    [InlineData("queue_url", "orders")]
    [InlineData("queue_url", "https://sqs.eu-west-1.amazonaws.com/1/bad name")]
    [InlineData("queue_url", "https://sqs.eu-west-1.amazonaws.com/1/twice,https://sqs.us-east-1.amazonaws.com/1/twice")]
    [InlineData("visibility_timeout", "1500ms")]
    [InlineData("visibility_timeout", "0s")]
    [InlineData("visibility_timeout", "13h")]
    [InlineData("visibility_renewal", "30s")]
    [InlineData("visibility_renewal", "3ms")]
    [InlineData("visibility_renewal", "99ms")]
    [InlineData("wait_time", "21s")]
    [InlineData("wait_time", "500ms")]
    [InlineData("max_messages", "11")]
    [InlineData("max_messages", "0")]
    [InlineData("on_failure", "skip")]
    [InlineData("max_retry_wait", "10ms")]
    [InlineData("upstream_timeout", "12h")]
    [InlineData("gateway_url", "http://gateway:8080?x=1")]
    [InlineData("max_inflight", "0")]
    [InlineData("depth_interval", "500ms")]
    [InlineData("depth_interval", "25h")]
    [InlineData("depth_interval", "often")]
    public void A_bad_value_is_refused_by_its_name(string name, string value)
    {
        var settings = new Settings(new Dictionary<string, string> { ["queue_url"] = Url, [name] = value });

        _ = SqsOptions.Read(settings);

        Assert.StartsWith(name + ": ", Assert.Single(settings.Errors), StringComparison.Ordinal);
    }
}
