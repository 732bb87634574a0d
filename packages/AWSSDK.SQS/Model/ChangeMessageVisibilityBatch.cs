using Amazon.Runtime;

namespace Amazon.SQS.Model;

public partial class ChangeMessageVisibilityBatchRequest : AmazonSQSRequest
{
    public List<ChangeMessageVisibilityBatchRequestEntry> Entries { get; set; }

    public string QueueUrl { get; set; }
}

public partial class ChangeMessageVisibilityBatchRequestEntry
{
    public string Id { get; set; }

    public string ReceiptHandle { get; set; }

    public int? VisibilityTimeout { get; set; }
}

public partial class ChangeMessageVisibilityBatchResponse : AmazonWebServiceResponse
{
    public List<BatchResultErrorEntry> Failed { get; set; }

    public List<ChangeMessageVisibilityBatchResultEntry> Successful { get; set; }
}

public partial class ChangeMessageVisibilityBatchResultEntry
{
    public string Id { get; set; }
}
