using System.Net;
using System.Text.Json;
using Amazon.Runtime;
using Amazon.Runtime.Internal;
using Amazon.Runtime.Internal.Transform;
using Amazon.Runtime.Internal.Util;

namespace Amazon.SQS.Internal;

/// <summary>One operation over AWS JSON 1.0: POST to the root, the operation's name in <c>X-Amz-Target</c>, members under their own names.</summary>
internal sealed class JsonOperation<TRequest, TResponse> : JsonResponseUnmarshaller, IMarshaller<IRequest, AmazonWebServiceRequest>
    where TRequest : AmazonSQSRequest
    where TResponse : AmazonWebServiceResponse, new()
{
    private static readonly string Target = "AmazonSQS." + typeof(TRequest).Name[..^"Request".Length];
    private static readonly JsonOperation<TRequest, TResponse> Instance = new();

    public static InvokeOptions Options => new() { RequestMarshaller = Instance, ResponseUnmarshaller = Instance };

    public IRequest Marshall(AmazonWebServiceRequest input)
    {
        var request = new DefaultRequest(input, "Amazon.SQS")
        {
            HttpMethod = "POST",
            ResourcePath = "/",
            Content = JsonSerializer.SerializeToUtf8Bytes((TRequest)input, WireFormat.Options),
        };
        request.Headers["X-Amz-Target"] = Target;
        request.Headers["Content-Type"] = "application/x-amz-json-1.0";
        request.Headers["x-amz-api-version"] = "2012-11-05";
        // The service then names errors in x-amzn-query-error as its older protocol did.
        request.Headers["x-amzn-query-mode"] = "true";
        return request;
    }

    public override AmazonWebServiceResponse Unmarshall(JsonUnmarshallerContext input)
    {
        using var body = new MemoryStream();
        input.Stream.CopyTo(body);
        return body.Length == 0
            ? new TResponse()
            : JsonSerializer.Deserialize<TResponse>(body.GetBuffer().AsSpan(0, (int)body.Length), WireFormat.Options);
    }

    public override AmazonServiceException UnmarshallException(JsonUnmarshallerContext input, Exception innerException, HttpStatusCode statusCode)
    {
        var reader = new StreamingUtf8JsonReader(input.Stream);
        var error = JsonErrorResponseUnmarshaller.GetInstance().Unmarshall(input, ref reader);
        error.InnerException = innerException;
        error.StatusCode = statusCode;
        var name = error.Code;
        if (input.ResponseData.IsHeaderPresent("x-amzn-query-error")
            && input.ResponseData.GetHeaderValue("x-amzn-query-error").Split(';') is [var code, var fault]
            && Enum.TryParse<ErrorType>(fault, out var type))
        {
            error.Code = code;
            error.Type = type;
        }

        return TypedErrors.Create(name, error);
    }
}
