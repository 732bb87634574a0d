using Amazon.Runtime;

namespace Amazon.SQS.Model;

public partial class DeleteMessageBatchRequest : AmazonSQSRequest
{
    public List<DeleteMessageBatchRequestEntry> Entries { get; set; }

    public string QueueUrl { get; set; }
}

public partial class DeleteMessageBatchRequestEntry
{
    public string Id { get; set; }

    public string ReceiptHandle { get; set; }
}

public partial class DeleteMessageBatchResponse : AmazonWebServiceResponse
{
    public List<BatchResultErrorEntry> Failed { get; set; }

    public List<DeleteMessageBatchResultEntry> Successful { get; set; }
}

public partial class DeleteMessageBatchResultEntry
{
    public string Id { get; set; }
}
