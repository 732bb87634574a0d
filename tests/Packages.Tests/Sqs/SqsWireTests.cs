using System.Text.Json;
using Amazon.Runtime;
using Amazon.SQS;
using Amazon.SQS.Model;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;

namespace Connectors.Packages.Tests.Sqs;

/// <summary>What the client puts on the wire, and what it makes of answers that no well-behaved server gives.</summary>
public class SqsWireTests
{
    private const string Key = "AKIDEXAMPLE";
    private const string Secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

    [Fact]
    public async Task A_request_is_signed_so_that_an_independent_verifier_confirms_it_and_one_changed_byte_fails()
    {
        await using var server = await HttpLedger.StartAsync((_, http) => http.Response.WriteAsync("{}"));
        using var client = Client(server);

        await client.SendMessageAsync("http://queue/1/orders", "größer than 5 € 🌍");

        var request = Assert.Single(server.Requests);
        Assert.True(SigV4Verifier.Verify(request, Secret));
        Assert.Contains("/eu-west-1/sqs/aws4_request", request.Header("authorization"), StringComparison.Ordinal);
        var changed = request.Body.ToArray();
        changed[^2] ^= 1;
        Assert.False(SigV4Verifier.Verify(request with { Body = changed }, Secret));
        Assert.False(SigV4Verifier.Verify(request, Secret.ToLowerInvariant()));
    }

    [Fact]
    public async Task A_session_token_is_sent_and_signed()
    {
        await using var server = await HttpLedger.StartAsync((_, http) => http.Response.WriteAsync("{}"));
        using var client = new AmazonSQSClient(new SessionAWSCredentials(Key, Secret, "the/session+token=="), Config(server));

        await client.PurgeQueueAsync("http://queue/1/orders");

        var request = Assert.Single(server.Requests);
        Assert.Equal("the/session+token==", request.Header("x-amz-security-token"));
        Assert.Contains("x-amz-security-token", request.Header("authorization"), StringComparison.Ordinal);
        Assert.True(SigV4Verifier.Verify(request, Secret));
    }

    [Fact]
    public async Task An_operation_is_named_in_the_target_and_carries_only_what_was_set()
    {
        await using var server = await HttpLedger.StartAsync((_, http) => http.Response.WriteAsync("{}"));
        using var client = Client(server);

        await client.ReceiveMessageAsync(new ReceiveMessageRequest
        {
            QueueUrl = "http://queue/1/orders",
            WaitTimeSeconds = 0,
            MessageSystemAttributeNames = [MessageSystemAttributeName.All],
        });

        var request = Assert.Single(server.Requests);
        Assert.Equal(("POST", "/", ""), (request.Method, request.Path, request.Query));
        Assert.Equal("AmazonSQS.ReceiveMessage", request.Header("x-amz-target"));
        Assert.Equal("application/x-amz-json-1.0", request.Header("content-type"));
        using var body = JsonDocument.Parse(request.Body);
        Assert.Equal(["MessageSystemAttributeNames", "QueueUrl", "WaitTimeSeconds"], body.RootElement.EnumerateObject().Select(p => p.Name).Order());
    }

    [Fact]
    public async Task Tags_are_spelled_in_lower_case_and_binary_values_in_base64()
    {
        await using var server = await HttpLedger.StartAsync((_, http) => http.Response.WriteAsync("{}"));
        using var client = Client(server);

        await client.CreateQueueAsync(new CreateQueueRequest { QueueName = "q", Tags = new() { ["team"] = "blue" } });
        await client.SendMessageAsync(new SendMessageRequest
        {
            QueueUrl = "http://queue/1/q",
            MessageBody = "b",
            MessageAttributes = new() { ["raw"] = new() { DataType = "Binary", BinaryValue = new MemoryStream([1, 2, 255]) } },
        });

        Assert.Equal("""{"QueueName":"q","tags":{"team":"blue"}}""", server.Requests.First().Text);
        Assert.Contains("""{"raw":{"BinaryValue":"AQL/","DataType":"Binary"}}""", server.Requests.Last().Text, StringComparison.Ordinal);
    }

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

    [Fact]
    public async Task A_sent_body_that_arrived_as_another_is_reported()
    {
        await using var server = await HttpLedger.StartAsync((_, http) => http.Response.WriteAsync("""{"MessageId":"m1","MD5OfMessageBody":"00"}"""));
        using var client = Client(server);

        await Assert.ThrowsAsync<AmazonSQSException>(() => client.SendMessageAsync("http://queue/1/q", "hello"));
    }

    [Theory]
    [InlineData("receive", "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue;Sender", typeof(QueueDoesNotExistException))]
    [InlineData("change", "ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid;Sender", typeof(ReceiptHandleIsInvalidException))]
    [InlineData("change", "MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight;Sender", typeof(MessageNotInflightException))]
    [InlineData("receive", "OverLimit", "OverLimit;Sender", typeof(OverLimitException))]
    [InlineData("send", "InvalidMessageContents", "InvalidMessageContents;Sender", typeof(InvalidMessageContentsException))]
    [InlineData("batch", "BatchEntryIdsNotDistinct", "AWS.SimpleQueueService.BatchEntryIdsNotDistinct;Sender", typeof(BatchEntryIdsNotDistinctException))]
    [InlineData("receive", "AccessDeniedException", "AccessDenied;Sender", typeof(AmazonSQSException))]
    public async Task An_error_becomes_the_exception_of_its_type(string operation, string type, string queryError, Type expected)
    {
        await using var server = await HttpLedger.StartAsync((_, http) => Refuse(http.Response, 400, type, queryError));
        using var client = Client(server);

        var fault = await Assert.ThrowsAnyAsync<AmazonSQSException>(() => operation switch
        {
            "change" => client.ChangeMessageVisibilityAsync(new ChangeMessageVisibilityRequest { QueueUrl = "http://queue/1/q", ReceiptHandle = "r", VisibilityTimeout = 1 }),
            "send" => client.SendMessageAsync("http://queue/1/q", "hello"),
            "batch" => client.SendMessageBatchAsync(new SendMessageBatchRequest { QueueUrl = "http://queue/1/q", Entries = [new() { Id = "a", MessageBody = "hello" }] }),
            _ => client.ReceiveMessageAsync("http://queue/1/q"),
        });

        Assert.Equal(expected, fault.GetType());
        Assert.Equal("in words", fault.Message);
        Assert.Equal(ErrorType.Sender, fault.ErrorType);
        Assert.Equal(400, (int)fault.StatusCode);
    }

    [Fact]
    public async Task Throttling_is_retried_by_the_core_and_reported_when_it_lasts()
    {
        var tries = 0;
        await using var server = await HttpLedger.StartAsync((_, http) =>
            ++tries == 1 ? Refuse(http.Response, 400, "RequestThrottled", "RequestThrottled;Sender") : http.Response.WriteAsync("""{"QueueUrl":"http://queue/1/q"}"""));
        using var client = Client(server, retries: 2);

        var found = await client.GetQueueUrlAsync("q");

        Assert.Equal("http://queue/1/q", found.QueueUrl);
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

    private static Task Refuse(HttpResponse response, int status, string type, string queryError)
    {
        response.StatusCode = status;
        response.ContentType = "application/x-amz-json-1.0";
        response.Headers["x-amzn-query-error"] = queryError;
        return response.WriteAsync($$"""{"__type":"com.amazonaws.sqs#{{type}}","message":"in words"}""");
    }

    private static AmazonSQSClient Client(HttpLedger server, int retries = 0) =>
        new(Key, Secret, Config(server, retries));

    private static AmazonSQSConfig Config(HttpLedger server, int retries = 0) =>
        new() { ServiceURL = server.Url.AbsoluteUri, AuthenticationRegion = "eu-west-1", MaxErrorRetry = retries };
}
