using Amazon;
using Amazon.Runtime;
using Amazon.Runtime.Endpoints;
using Amazon.SQS;
using Amazon.SQS.Model;

namespace Connectors.Packages.Tests.Sqs;

public class SqsEndpointTests
{
    [Theory]
    [InlineData("eu-west-1", false, false, "https://sqs.eu-west-1.amazonaws.com")]
    [InlineData("us-east-1", false, false, "https://sqs.us-east-1.amazonaws.com")]
    [InlineData("cn-north-1", false, false, "https://sqs.cn-north-1.amazonaws.com.cn")]
    [InlineData("us-west-2", true, false, "https://sqs-fips.us-west-2.amazonaws.com")]
    [InlineData("eu-west-1", false, true, "https://sqs.eu-west-1.api.aws")]
    public void The_address_follows_from_the_region(string region, bool fips, bool dualStack, string expected)
    {
        var config = new AmazonSQSConfig { RegionEndpoint = RegionEndpoint.GetBySystemName(region), UseFIPSEndpoint = fips, UseDualstackEndpoint = dualStack };

        Assert.Equal(expected, Address(config));
    }

    [Fact]
    public void An_address_given_is_used_as_it_is()
    {
        var config = new AmazonSQSConfig { ServiceURL = "http://127.0.0.1:4566", AuthenticationRegion = "eu-west-1" };

        Assert.Equal("http://127.0.0.1:4566/", Address(config).TrimEnd('/') + "/");
    }

    [Fact]
    public void The_service_names_itself_as_the_signature_needs_it()
    {
        var config = new AmazonSQSConfig();

        Assert.Equal(("sqs", "sqs", "2012-11-05"), (config.AuthenticationServiceName, config.RegionEndpointServiceName, config.ServiceVersion));
        Assert.Equal("SQS", AmazonSQSConfig.ServiceId);
        Assert.Equal(RequestRetryMode.Standard, config.RetryMode);
    }

    private static string Address(AmazonSQSConfig config) =>
        config.DetermineServiceOperationEndpoint(new ServiceOperationEndpointParameters(new ReceiveMessageRequest())).URL;
}
