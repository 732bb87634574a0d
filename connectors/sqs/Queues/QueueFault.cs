using System.Net.Sockets;
using Amazon.Runtime;
using Amazon.SQS.Model;
using Polly.CircuitBreaker;
using Polly.Timeout;

namespace Connectors.Sqs.Queues;

/// <summary>Why a request of ours failed, in a word for metrics and in a sentence for the operator.</summary>
/// <param name="Kind">missing_queue, credentials, denied, throttled, unreachable, timeout or other.</param>
/// <param name="Text">What is wrong and where to look.</param>
internal sealed record QueueFault(string Kind, string Text)
{
    // So the SDK begins when it got no credentials of a role, and when it found nothing to get any from.
    private const string Assuming = "Error calling AssumeRole";
    private const string NothingFound = "Failed to resolve AWS credentials";

    private static readonly string[] Throttles = ["RequestThrottled", "Throttling", "ThrottlingException", "TooManyRequestsException", "SlowDown"];
    private static readonly string[] Credentials =
        ["InvalidClientTokenId", "UnrecognizedClientException", "ExpiredToken", "ExpiredTokenException", "SignatureDoesNotMatch", "InvalidSignatureException", "IncompleteSignature", "MissingAuthenticationToken"];

    /// <param name="fault">What was thrown.</param>
    /// <param name="queue">The queue.</param>
    /// <param name="needed">What must be allowed, with its verb.</param>
    public static QueueFault Of(Exception fault, QueueAddress queue, string needed = "sqs:ReceiveMessage, sqs:DeleteMessage and sqs:ChangeMessageVisibility are") => fault switch
    {
        BrokenCircuitException { InnerException: { } last } => Of(last, queue, needed),
        TimeoutRejectedException or OperationCanceledException => new("timeout", $"{queue.Endpoint} does not answer"),
        QueueDoesNotExistException => new("missing_queue", $"there is no queue {queue.Url} in region {queue.Region}{(queue.NamesRegion ? "" : " (AWS_REGION, AWS_DEFAULT_REGION)")}, or these credentials may not know of it"),
        AmazonServiceException service => Of(service, queue, needed),
        CredentialsException { InnerException: { } why } => OfCredentials(why),
        _ when fault.GetBaseException() is SocketException socket => new("unreachable", $"cannot reach {queue.Endpoint}: {socket.Message}"),
        HttpRequestException or IOException => new("unreachable", $"cannot reach {queue.Endpoint}: {fault.GetBaseException().Message}"),
        _ => new("other", fault.GetBaseException().Message),
    };

    private static QueueFault OfCredentials(Exception why) => why switch
    {
        AmazonClientException { InnerException: { } inner } when why.Message.StartsWith(Assuming, StringComparison.Ordinal) => OfRole(why.Message, inner),
        AmazonClientException when why.Message.StartsWith(NothingFound, StringComparison.Ordinal) =>
            new("credentials", "the AWS SDK found no credentials: set AWS_SHARED_CREDENTIALS_FILE or AWS_ACCESS_KEY_ID, or give the pod or instance a role"),
        _ => new("credentials", $"no credentials: {why.GetBaseException().Message}"),
    };

    // Asked for a role's credentials, which the SDK does with a client of its own: what failed there says nothing of the queue.
    private static QueueFault OfRole(string what, Exception why) => why switch
    {
        _ when why.GetBaseException() is SocketException or HttpRequestException or IOException =>
            new("unreachable", $"cannot reach AWS's token service (STS): {what}: {why.GetBaseException().Message}"),
        _ => new("credentials", $"AWS's token service (STS) gives no credentials: {what}: {why.Message}"),
    };

    private static QueueFault Of(AmazonServiceException fault, QueueAddress queue, string needed) => fault switch
    {
        _ when Is(fault, Throttles) => new("throttled", $"SQS asks for fewer requests: {fault.Message}"),
        _ when Is(fault, Credentials) => new("credentials", $"the credentials are not accepted in region {queue.Region}: {fault.Message}"),
        { StatusCode: System.Net.HttpStatusCode.Forbidden } or { ErrorCode: "AccessDenied" or "AccessDeniedException" } =>
            new("denied", $"not allowed; {needed} needed: {fault.Message}"),
        { InnerException: HttpRequestException inner } => new("unreachable", $"cannot reach {queue.Endpoint}: {inner.GetBaseException().Message}"),
        _ => new("other", $"{fault.ErrorCode}: {fault.Message}"),
    };

    // Errors carry the name behind a prefix of the older protocol's.
    private static bool Is(AmazonServiceException fault, string[] names) =>
        fault is RequestThrottledException ? names == Throttles : names.Contains(fault.ErrorCode?.Split('.')[^1]);
}
