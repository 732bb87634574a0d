using Amazon.Runtime;
using Amazon.SQS;
using Amazon.SQS.Model;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;

namespace Connectors.Conformance.Tests.Sqs;

/// <summary>What the client makes of answers that no well-behaved server gives.</summary>
public class SqsWireTests
{
    [Fact]
    public async Task A_received_body_with_another_digest_is_refused()
    {
        await using var server = await HttpLedger.StartAsync((_, http) =>
            http.Response.WriteAsync("""{"Messages":[{"MessageId":"m1","Body":"changed","MD5OfBody":"5d41402abc4b2a76b9719d911017c592"}]}"""));
        using var client = Client(server);

        var fault = await Assert.ThrowsAsync<AmazonSQSException>(() => client.ReceiveMessageAsync("http://queue/1/q"));

        Assert.Contains("m1", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Received_attributes_with_another_digest_are_refused()
    {
        await using var server = await HttpLedger.StartAsync((_, http) => http.Response.WriteAsync(
            """{"Messages":[{"MessageId":"m1","Body":"hello","MD5OfBody":"5d41402abc4b2a76b9719d911017c592","MD5OfMessageAttributes":"00","MessageAttributes":{"a":{"DataType":"String","StringValue":"v"}}}]}"""));
        using var client = Client(server);

        await Assert.ThrowsAsync<AmazonSQSException>(() => client.ReceiveMessageAsync("http://queue/1/q"));
    }

    [Theory]
    [InlineData("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue;Sender", typeof(QueueDoesNotExistException), "NonExistentQueue")]
    [InlineData("RequestThrottled", "RequestThrottled;Sender", typeof(RequestThrottledException), "RequestThrottled")]
    [InlineData("AccessDeniedException", "AccessDenied;Sender", typeof(AmazonSQSException), "AccessDenied")]
    [InlineData("InvalidSignatureException", "InvalidSignature;Sender", typeof(AmazonSQSException), "InvalidSignature")]
    [InlineData("UnrecognizedClientException", null, typeof(AmazonSQSException), "UnrecognizedClientException")]
    public async Task An_error_becomes_the_exception_of_its_type_and_tells_its_code(string type, string? queryError, Type expected, string code)
    {
        await using var server = await HttpLedger.StartAsync((_, http) => Refuse(http.Response, 400, type, queryError));
        using var client = Client(server);

        var fault = await Assert.ThrowsAnyAsync<AmazonSQSException>(() => client.ReceiveMessageAsync("http://queue/1/q"));

        Assert.Equal((expected, "in words", code), (fault.GetType(), fault.Message, fault.ErrorCode.Split('.')[^1]));
    }

    [Fact]
    public async Task The_client_tries_as_often_as_it_is_told()
    {
        await using var server = await HttpLedger.StartAsync((_, http) => Refuse(http.Response, 400, "RequestThrottled", "RequestThrottled;Sender"));
        using var client = Client(server, retries: 1);

        await Assert.ThrowsAsync<RequestThrottledException>(() => client.ReceiveMessageAsync("http://queue/1/q"));

        Assert.Equal(2, server.Requests.Count);
    }

    [Fact]
    public async Task A_page_from_something_in_between_is_an_error_too()
    {
        await using var server = await HttpLedger.StartAsync((_, http) =>
        {
            http.Response.StatusCode = 503;
            return http.Response.WriteAsync("<html>try later</html>");
        });
        using var client = Client(server, retries: 0);

        var fault = await Assert.ThrowsAnyAsync<AmazonServiceException>(() => client.ReceiveMessageAsync("http://queue/1/q"));

        Assert.Equal(503, (int)fault.StatusCode);
    }

    private static Task Refuse(HttpResponse response, int status, string type, string? queryError)
    {
        response.StatusCode = status;
        response.ContentType = "application/x-amz-json-1.0";
        if (queryError is not null)
        {
            response.Headers["x-amzn-query-error"] = queryError;
        }

        return response.WriteAsync($$"""{"__type":"com.amazonaws.sqs#{{type}}","message":"in words"}""");
    }

    private static AmazonSQSClient Client(HttpLedger server, int retries = 0) =>
        new("key", "secret", new AmazonSQSConfig { ServiceURL = server.Url.AbsoluteUri, AuthenticationRegion = "eu-west-1", MaxErrorRetry = retries });
}
