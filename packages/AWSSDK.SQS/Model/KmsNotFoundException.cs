using System.Net;
using Amazon.Runtime;

namespace Amazon.SQS.Model;

public partial class KmsNotFoundException : AmazonSQSException
{
    public KmsNotFoundException(string message)
        : base(message)
    {
    }

    public KmsNotFoundException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    public KmsNotFoundException(Exception innerException)
        : base(innerException)
    {
    }

    public KmsNotFoundException(string message, Exception innerException, ErrorType errorType, string errorCode, string requestId, HttpStatusCode statusCode)
        : base(message, innerException, errorType, errorCode, requestId, statusCode)
    {
    }

    public KmsNotFoundException(string message, ErrorType errorType, string errorCode, string requestId, HttpStatusCode statusCode)
        : base(message, errorType, errorCode, requestId, statusCode)
    {
    }
}
