using Microsoft.Extensions.Logging;

namespace Connectors.Sqs;

/// <summary>Every line that the SQS connector logs; ids 600 to 699.</summary>
internal static partial class Log
{
    [LoggerMessage(600, LogLevel.Information, "Reading the queue")]
    public static partial void Reading(ILogger log, string queue, string url, string region);

    [LoggerMessage(601, LogLevel.Information, "No function wants the queue, its messages stay there")]
    public static partial void Unwanted(ILogger log, string queue);

    [LoggerMessage(602, LogLevel.Error, "Receive failed")]
    public static partial void ReceiveFailed(ILogger log, string queue, string kind, string error, TimeSpan retryIn);

    [LoggerMessage(603, LogLevel.Warning, "The queue has no redrive policy: a message that always fails comes back until its retention ends")]
    public static partial void NoRedrivePolicy(ILogger log, string queue);

    [LoggerMessage(604, LogLevel.Warning, "How many messages the queue has cannot be looked up; it is received from all the same")]
    public static partial void DepthUnknown(ILogger log, string queue, string kind, string error);

    [LoggerMessage(605, LogLevel.Error, "What is done cannot be deleted, and nothing more is received until it is")]
    public static partial void Held(ILogger log, string queue);

    [LoggerMessage(610, LogLevel.Warning, "Visibility lost, the message may be with another: it is not deleted")]
    public static partial void LeaseLost(ILogger log, string queue, string messageId);

    [LoggerMessage(611, LogLevel.Warning, "Visibility not renewed, trying again")]
    public static partial void RenewFailed(ILogger log, string queue, int messages, string error);

    [LoggerMessage(612, LogLevel.Warning, "Not deleted, trying again")]
    public static partial void DeleteFailed(ILogger log, string queue, int messages, string error);

    [LoggerMessage(613, LogLevel.Warning, "Not given back, it returns when its visibility ends")]
    public static partial void ReturnFailed(ILogger log, string queue, int messages, string error);

    [LoggerMessage(614, LogLevel.Error, "The message can never be delivered; the queue's redrive policy ends it, or deleting it by hand")]
    public static partial void Hopeless(ILogger log, string queue, string messageId, int receives, int status, string? error);

    [LoggerMessage(615, LogLevel.Warning, "Deleted although no function took it (on_failure=delete)")]
    public static partial void DeletedUndone(ILogger log, string queue, string messageId, int status);
}
