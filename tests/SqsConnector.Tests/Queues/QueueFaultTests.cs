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
        { Assuming(Service("AccessDenied")), "credentials", "(STS) gives no credentials: Error calling AssumeRole for role credentials-reader: in words" },
        { Assuming(new AmazonServiceException("no", new HttpRequestException("no", new SocketException((int)SocketError.ConnectionRefused)))), "unreachable", "cannot reach AWS's token service (STS)" },
        { Assuming(new HttpRequestException("name not known")), "unreachable", "name not known" },
        { Assuming(new InvalidOperationException("what")), "other", "Error calling AssumeRole for role credentials-reader: what" },
        { new AmazonClientException("no session", Service("AccessDenied")), "credentials", "no session: in words" },
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

    // As the SDK words it.
    private static AmazonClientException Assuming(Exception why) => new("Error calling AssumeRole for role credentials-reader", why);

    private static AmazonSQSException Service(string code) => new("in words", ErrorType.Sender, code, "id", HttpStatusCode.BadRequest);
}
