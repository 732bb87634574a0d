using System.Net;
using System.Net.Sockets;
using Amazon.Runtime;
using Amazon.SQS;
using Amazon.SQS.Model;
using Connectors.Sqs.Queues;
using Polly.CircuitBreaker;
using Polly.Timeout;

namespace Connectors.Sqs.Tests.Queues;

public class QueueFaultTests
{
    private static readonly QueueAddress Queue = QueueAddress.TryParse("https://sqs.eu-west-1.amazonaws.com/1/orders", "us-east-1", null)!;

    public static TheoryData<Exception, string, string> Faults => new()
    {
        { new QueueDoesNotExistException("x"), "missing_queue", "no queue https://sqs.eu-west-1.amazonaws.com/1/orders in region eu-west-1" },
        { new AmazonClientException("Failed to resolve AWS credentials."), "credentials", "AWS_SHARED_CREDENTIALS_FILE" },
        { Service("InvalidClientTokenId"), "credentials", "not accepted" },
        { Service("com.amazon.coral.service.UnrecognizedClientException"), "credentials", "not accepted" },
        { Service("AccessDenied"), "denied", "sqs:DeleteMessage" },
        { Service("RequestThrottled"), "throttled", "fewer requests" },
        { new RequestThrottledException("slow down"), "throttled", "slow down" },
        { Service("OverLimit"), "other", "OverLimit" },
        { new HttpRequestException("no", new SocketException((int)SocketError.ConnectionRefused)), "unreachable", "cannot reach https://sqs.eu-west-1.amazonaws.com/" },
        { new TimeoutRejectedException(), "timeout", "does not answer" },
        { new BrokenCircuitException("open", new QueueDoesNotExistException("x")), "missing_queue", "no queue" },
        { new InvalidOperationException("what"), "other", "what" },
    };

    [Theory]
    [MemberData(nameof(Faults))]
    public void A_fault_is_told_in_a_word_and_in_a_sentence(Exception fault, string kind, string text)
    {
        var told = QueueFault.Of(fault, Queue);

        Assert.Equal(kind, told.Kind);
        Assert.Contains(text, told.Text, StringComparison.Ordinal);
    }

    private static AmazonSQSException Service(string code) => new("in words", ErrorType.Sender, code, "id", HttpStatusCode.BadRequest);
}
