namespace Connectors.Sqs.Queues;

/// <summary>An entry of a batch that SQS did not carry out.</summary>
/// <param name="Index">The entry's place in the batch.</param>
/// <param name="Code">SQS's word for it.</param>
/// <param name="IsGone">Whether trying again cannot help: the receipt handle is no longer good.</param>
internal sealed record EntryFault(int Index, string Code, bool IsGone);
