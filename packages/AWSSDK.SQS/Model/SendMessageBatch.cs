using Amazon.Runtime;

namespace Amazon.SQS.Model;

public partial class SendMessageBatchRequest : AmazonSQSRequest
{
    public List<SendMessageBatchRequestEntry> Entries { get; set; }

    public string QueueUrl { get; set; }
}

public partial class SendMessageBatchRequestEntry
{
    public int? DelaySeconds { get; set; }

    public string Id { get; set; }

    public Dictionary<string, MessageAttributeValue> MessageAttributes { get; set; }

    public string MessageBody { get; set; }

    public string MessageDeduplicationId { get; set; }

    public string MessageGroupId { get; set; }

    public Dictionary<string, MessageSystemAttributeValue> MessageSystemAttributes { get; set; }
}

public partial class SendMessageBatchResponse : AmazonWebServiceResponse
{
    public List<BatchResultErrorEntry> Failed { get; set; }

    public List<SendMessageBatchResultEntry> Successful { get; set; }
}

public partial class SendMessageBatchResultEntry
{
    public string Id { get; set; }

    public string MD5OfMessageAttributes { get; set; }

    public string MD5OfMessageBody { get; set; }

    public string MD5OfMessageSystemAttributes { get; set; }

    public string MessageId { get; set; }

    public string SequenceNumber { get; set; }
}
