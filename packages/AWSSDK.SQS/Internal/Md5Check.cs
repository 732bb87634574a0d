using Amazon.Runtime;
using Amazon.Runtime.Internal;
using Amazon.SQS.Model;

namespace Amazon.SQS.Internal;

/// <summary>Compares the digests that the service reports with what was sent or has arrived.</summary>
internal sealed class Md5Check : PipelineHandler
{
    public override async Task<T> InvokeAsync<T>(IExecutionContext executionContext)
    {
        var response = await base.InvokeAsync<T>(executionContext).ConfigureAwait(false);
        switch (executionContext.RequestContext.OriginalRequest, response)
        {
            case (_, ReceiveMessageResponse received):
                CheckReceived(received);
                break;
            case (SendMessageRequest request, SendMessageResponse sent):
                Check(request.MessageBody, sent.MD5OfMessageBody, "");
                Check(request.MessageAttributes, sent.MD5OfMessageAttributes, "");
                break;
            case (SendMessageBatchRequest request, SendMessageBatchResponse sent):
                CheckSent(request, sent);
                break;
        }

        return response;
    }

    private static void CheckReceived(ReceiveMessageResponse received)
    {
        foreach (var message in received.Messages ?? [])
        {
            var subject = $" for message id {message.MessageId}";
            Check(message.Body, message.MD5OfBody, subject);
            Check(message.MessageAttributes, message.MD5OfMessageAttributes, subject);
        }
    }

    private static void CheckSent(SendMessageBatchRequest request, SendMessageBatchResponse sent)
    {
        foreach (var entry in sent.Successful ?? [])
        {
            var message = request.Entries.Single(m => m.Id == entry.Id);
            var subject = $" for message id {entry.MessageId}";
            Check(message.MessageBody, entry.MD5OfMessageBody, subject);
            Check(message.MessageAttributes, entry.MD5OfMessageAttributes, subject);
        }
    }

    private static void Check(string body, string reported, string subject)
    {
        if (!string.IsNullOrEmpty(body) && !string.IsNullOrEmpty(reported) && !IsSame(MessageDigest.Of(body), reported))
        {
            throw new AmazonSQSException("MD5 hash mismatch" + subject);
        }
    }

    private static void Check(Dictionary<string, MessageAttributeValue> attributes, string reported, string subject)
    {
        if (attributes is { Count: > 0 } && !string.IsNullOrEmpty(reported) && !IsSame(MessageDigest.Of(attributes), reported))
        {
            throw new AmazonSQSException("Attribute MD5 hash mismatch" + subject);
        }
    }

    private static bool IsSame(string computed, string reported) => string.Equals(computed, reported, StringComparison.OrdinalIgnoreCase);
}
