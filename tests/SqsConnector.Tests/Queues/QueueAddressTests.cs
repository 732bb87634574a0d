using Connectors.Sqs.Queues;

namespace Connectors.Sqs.Tests.Queues;

public class QueueAddressTests
{
    [Theory]
    [InlineData("https://sqs.eu-central-1.amazonaws.com/123456789012/orders", "eu-central-1", "https://sqs.eu-central-1.amazonaws.com/")]
    [InlineData("https://sqs.cn-north-1.amazonaws.com.cn/1/orders", "cn-north-1", "https://sqs.cn-north-1.amazonaws.com.cn/")]
    [InlineData("https://sqs-fips.us-gov-west-1.amazonaws.com/1/orders", "us-gov-west-1", "https://sqs-fips.us-gov-west-1.amazonaws.com/")]
    [InlineData("https://vpce-0a1b-2c.sqs.us-west-2.vpce.amazonaws.com/1/orders", "us-west-2", "https://vpce-0a1b-2c.sqs.us-west-2.vpce.amazonaws.com/")]
    [InlineData("https://eu-west-2.queue.amazonaws.com/1/orders", "eu-west-2", "https://eu-west-2.queue.amazonaws.com/")]
    [InlineData("http://sqs.us-east-1.localhost:4566/000000000000/orders", "us-east-1", "http://sqs.us-east-1.localhost:4566/")]
    [InlineData("https://sqs.eusc-de-east-1.amazonaws.eu/123456789012/orders", "eusc-de-east-1", "https://sqs.eusc-de-east-1.amazonaws.eu/")]
    [InlineData("http://127.0.0.1:4566/000000000000/orders", "ap-south-1", "http://127.0.0.1:4566/")]
    [InlineData("http://queues.example/orders", "ap-south-1", "http://queues.example/")]
    public void Region_and_endpoint_follow_from_the_host(string url, string region, string endpoint)
    {
        var address = QueueAddress.TryParse(url, "ap-south-1", null)!;

        Assert.Equal((url, "orders", region, endpoint), (address.Url, address.Name, address.Region, address.Endpoint.AbsoluteUri));
    }

    [Fact]
    public void An_endpoint_of_its_own_leaves_the_queue_its_address()
    {
        var address = QueueAddress.TryParse("https://sqs.eu-central-1.amazonaws.com/1/orders", "ap-south-1", new Uri("http://127.0.0.1:4566"))!;

        Assert.Equal(("https://sqs.eu-central-1.amazonaws.com/1/orders", "eu-central-1"), (address.Url, address.Region));
        Assert.Equal("http://127.0.0.1:4566/", address.Endpoint.AbsoluteUri);
    }

    [Fact]
    public void A_fifo_queue_is_known_by_its_name()
    {
        Assert.True(QueueAddress.TryParse("http://h/1/orders.fifo", "r", null)!.IsFifo);
        Assert.False(QueueAddress.TryParse("http://h/1/orders", "r", null)!.IsFifo);
    }

    [Theory]
    [InlineData("")]
    [InlineData("orders")]
    [InlineData("ftp://h/orders")]
    [InlineData("https://h/")]
    [InlineData("https://h/1/or.ders")]
    [InlineData("https://h/1/orders/")]
    public void Anything_else_is_no_queue(string url) => Assert.Null(QueueAddress.TryParse(url, "eu-west-1", null));
}
