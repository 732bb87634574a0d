using Amazon.Runtime;

namespace Amazon.SQS.Model;

public partial class SetQueueAttributesRequest : AmazonSQSRequest
{
    public Dictionary<string, string> Attributes { get; set; }

    public string QueueUrl { get; set; }
}

public partial class SetQueueAttributesResponse : AmazonWebServiceResponse
{
}
