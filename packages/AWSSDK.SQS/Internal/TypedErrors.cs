using Amazon.Runtime.Internal;
using Amazon.SQS.Model;

namespace Amazon.SQS.Internal;

/// <summary>The service's errors by the name that <c>__type</c> carries.</summary>
internal static class TypedErrors
{
    private static readonly Dictionary<string, Func<ErrorResponse, AmazonSQSException>> ByName = new(StringComparer.Ordinal)
    {
        ["BatchEntryIdsNotDistinct"] = e => new BatchEntryIdsNotDistinctException(e.Message, e.InnerException, e.Type, e.Code, e.RequestId, e.StatusCode),
        ["BatchRequestTooLong"] = e => new BatchRequestTooLongException(e.Message, e.InnerException, e.Type, e.Code, e.RequestId, e.StatusCode),
        ["EmptyBatchRequest"] = e => new EmptyBatchRequestException(e.Message, e.InnerException, e.Type, e.Code, e.RequestId, e.StatusCode),
        ["InvalidAddress"] = e => new InvalidAddressException(e.Message, e.InnerException, e.Type, e.Code, e.RequestId, e.StatusCode),
        ["InvalidAttributeName"] = e => new InvalidAttributeNameException(e.Message, e.InnerException, e.Type, e.Code, e.RequestId, e.StatusCode),
        ["InvalidAttributeValue"] = e => new InvalidAttributeValueException(e.Message, e.InnerException, e.Type, e.Code, e.RequestId, e.StatusCode),
        ["InvalidBatchEntryId"] = e => new InvalidBatchEntryIdException(e.Message, e.InnerException, e.Type, e.Code, e.RequestId, e.StatusCode),
        ["InvalidIdFormat"] = e => new InvalidIdFormatException(e.Message, e.InnerException, e.Type, e.Code, e.RequestId, e.StatusCode),
        ["InvalidMessageContents"] = e => new InvalidMessageContentsException(e.Message, e.InnerException, e.Type, e.Code, e.RequestId, e.StatusCode),
        ["InvalidSecurity"] = e => new InvalidSecurityException(e.Message, e.InnerException, e.Type, e.Code, e.RequestId, e.StatusCode),
        ["KmsAccessDenied"] = e => new KmsAccessDeniedException(e.Message, e.InnerException, e.Type, e.Code, e.RequestId, e.StatusCode),
        ["KmsDisabled"] = e => new KmsDisabledException(e.Message, e.InnerException, e.Type, e.Code, e.RequestId, e.StatusCode),
        ["KmsInvalidKeyUsage"] = e => new KmsInvalidKeyUsageException(e.Message, e.InnerException, e.Type, e.Code, e.RequestId, e.StatusCode),
        ["KmsInvalidState"] = e => new KmsInvalidStateException(e.Message, e.InnerException, e.Type, e.Code, e.RequestId, e.StatusCode),
        ["KmsNotFound"] = e => new KmsNotFoundException(e.Message, e.InnerException, e.Type, e.Code, e.RequestId, e.StatusCode),
        ["KmsOptInRequired"] = e => new KmsOptInRequiredException(e.Message, e.InnerException, e.Type, e.Code, e.RequestId, e.StatusCode),
        ["KmsThrottled"] = e => new KmsThrottledException(e.Message, e.InnerException, e.Type, e.Code, e.RequestId, e.StatusCode),
        ["MessageNotInflight"] = e => new MessageNotInflightException(e.Message, e.InnerException, e.Type, e.Code, e.RequestId, e.StatusCode),
        ["OverLimit"] = e => new OverLimitException(e.Message, e.InnerException, e.Type, e.Code, e.RequestId, e.StatusCode),
        ["PurgeQueueInProgress"] = e => new PurgeQueueInProgressException(e.Message, e.InnerException, e.Type, e.Code, e.RequestId, e.StatusCode),
        ["QueueDeletedRecently"] = e => new QueueDeletedRecentlyException(e.Message, e.InnerException, e.Type, e.Code, e.RequestId, e.StatusCode),
        ["QueueDoesNotExist"] = e => new QueueDoesNotExistException(e.Message, e.InnerException, e.Type, e.Code, e.RequestId, e.StatusCode),
        ["QueueNameExists"] = e => new QueueNameExistsException(e.Message, e.InnerException, e.Type, e.Code, e.RequestId, e.StatusCode),
        ["ReceiptHandleIsInvalid"] = e => new ReceiptHandleIsInvalidException(e.Message, e.InnerException, e.Type, e.Code, e.RequestId, e.StatusCode),
        ["RequestThrottled"] = e => new RequestThrottledException(e.Message, e.InnerException, e.Type, e.Code, e.RequestId, e.StatusCode),
        ["ResourceNotFound"] = e => new ResourceNotFoundException(e.Message, e.InnerException, e.Type, e.Code, e.RequestId, e.StatusCode),
        ["TooManyEntriesInBatchRequest"] = e => new TooManyEntriesInBatchRequestException(e.Message, e.InnerException, e.Type, e.Code, e.RequestId, e.StatusCode),
        ["UnsupportedOperation"] = e => new UnsupportedOperationException(e.Message, e.InnerException, e.Type, e.Code, e.RequestId, e.StatusCode),
    };

    public static AmazonSQSException Create(string name, ErrorResponse error) =>
        name is not null && ByName.TryGetValue(name, out var create)
            ? create(error)
            : new AmazonSQSException(error.Message, error.InnerException, error.Type, error.Code, error.RequestId, error.StatusCode);
}
