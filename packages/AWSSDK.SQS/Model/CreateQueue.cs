using Amazon.Runtime;

namespace Amazon.SQS.Model;

public partial class CreateQueueRequest : AmazonSQSRequest
{
    public Dictionary<string, string> Attributes { get; set; }

    public string QueueName { get; set; }

    public Dictionary<string, string> Tags { get; set; }
}

public partial class CreateQueueResponse : AmazonWebServiceResponse
{
    public string QueueUrl { get; set; }
}
