using System.Net;
using System.Net.Sockets;
using Amazon.Runtime;
using Amazon.Runtime.CredentialManagement;
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
        { new CredentialsException(new AmazonClientException("Failed to resolve AWS credentials. The credential providers returned")), "credentials", "set AWS_SHARED_CREDENTIALS_FILE" },
        { new CredentialsException(new AmazonClientException("The retrieved credentials have already expired: Now = 2")), "credentials", "no credentials: The retrieved credentials have already expired" },
        { new CredentialsException(new AmazonServiceException("Unable to retrieve credentials. 403")), "credentials", "no credentials: Unable to retrieve credentials. 403" },
        { new CredentialsException(new InvalidOperationException("A token could not be loaded", new FileNotFoundException("Could not find file"))), "credentials", "no credentials: Could not find file" },
        { new CredentialsException(new ProfileNotFoundException("Unable to find the profile")), "credentials", "no credentials: Unable to find the profile" },
        { new CredentialsException(new TaskCanceledException("took too long")), "credentials", "no credentials: took too long" },
        { new CredentialsException(new AmazonClientException("no session", Service("AccessDenied"))), "credentials", "no credentials: in words" },
        { Assuming(Service("AccessDenied")), "credentials", "(STS) gives no credentials: Error calling AssumeRole for role credentials-reader: in words" },
        { Assuming(new AmazonServiceException("no", new HttpRequestException("no", new SocketException((int)SocketError.ConnectionRefused)))), "unreachable", "cannot reach AWS's token service (STS)" },
        { Assuming(new HttpRequestException("name not known")), "unreachable", "name not known" },
        { Assuming(new InvalidOperationException("what")), "credentials", "Error calling AssumeRole for role credentials-reader: what" },
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

    [Fact]
    public void A_queue_that_is_missing_where_the_address_names_no_region_is_told_with_the_options_that_do()
    {
        const string options = "(AWS_REGION, AWS_DEFAULT_REGION)";
        var elsewhere = QueueAddress.TryParse("http://localhost:4566/1/orders", "us-east-1", null)!;

        Assert.Contains($"in region us-east-1 {options}", QueueFault.Of(new QueueDoesNotExistException("x"), elsewhere).Text, StringComparison.Ordinal);
        Assert.DoesNotContain(options, QueueFault.Of(new QueueDoesNotExistException("x"), Queue).Text, StringComparison.Ordinal);
    }

    // As the SDK words it.
    private static CredentialsException Assuming(Exception why) => new(new AmazonClientException("Error calling AssumeRole for role credentials-reader", why));

    private static AmazonSQSException Service(string code) => new("in words", ErrorType.Sender, code, "id", HttpStatusCode.BadRequest);
}
