using Amazon.Runtime;

namespace Amazon.SQS.Model;

public partial class DeleteQueueRequest : AmazonSQSRequest
{
    public string QueueUrl { get; set; }
}

public partial class DeleteQueueResponse : AmazonWebServiceResponse
{
}
