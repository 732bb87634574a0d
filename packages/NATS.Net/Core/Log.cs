using Microsoft.Extensions.Logging;

namespace NATS.Client.Core;

internal static partial class Log
{
    [LoggerMessage(EventId = 1, Level = LogLevel.Information, Message = "Connected to {Server} as {Name}")]
    public static partial void Connected(ILogger logger, ServerUri server, string name);

    [LoggerMessage(EventId = 2, Level = LogLevel.Warning, Message = "Connection to {Server} lost: {Reason}")]
    public static partial void Lost(ILogger logger, ServerUri server, string reason);

    [LoggerMessage(EventId = 3, Level = LogLevel.Warning, Message = "Cannot connect to {Server}: {Reason}")]
    public static partial void CannotConnect(ILogger logger, ServerUri server, string reason);

    [LoggerMessage(EventId = 4, Level = LogLevel.Error, Message = "{Server} says: {Error}")]
    public static partial void ServerError(ILogger logger, ServerUri server, string error);

    [LoggerMessage(EventId = 5, Level = LogLevel.Error, Message = "No more attempts to connect: {Reason}")]
    public static partial void GaveUp(ILogger logger, string reason);

    [LoggerMessage(EventId = 6, Level = LogLevel.Error, Message = "A handler of {Name} failed")]
    public static partial void HandlerFailed(ILogger logger, Exception exception, string name);

    [LoggerMessage(EventId = 7, Level = LogLevel.Warning, Message = "Pull of {Consumer}: {Code} {Text}")]
    public static partial void UnknownStatus(ILogger logger, string consumer, int code, string text);
}
