namespace Connectors.Gateway;

/// <summary>Every line that the gateway logs; ids 200 to 299, of which 209, 211 to 229 and 259 are its embedded provider's.</summary>
internal static partial class Log
{
    [LoggerMessage(200, LogLevel.Information, "Password made")]
    public static partial void PasswordMade(ILogger log, string folder);

    [LoggerMessage(201, LogLevel.Debug, "Called")]
    public static partial void Called(ILogger log, string callId, string function, string method, int status, TimeSpan duration);

    [LoggerMessage(202, LogLevel.Information, "Accepted")]
    public static partial void Accepted(ILogger log, string callId, string deliveryId, string function, string queue, int bytes, bool duplicate);

    [LoggerMessage(203, LogLevel.Information, "Request")]
    public static partial void Request(ILogger log, string method, string uri);

    [LoggerMessage(204, LogLevel.Warning, "Functions could not be listed")]
    public static partial void ListFailed(ILogger log, string error);

    [LoggerMessage(205, LogLevel.Warning, "Error answered")]
    public static partial void ErrorAnswered(ILogger log, string callId, string method, string path, int status, string answer, string error);

    [LoggerMessage(206, LogLevel.Warning, "Not accepted")]
    public static partial void NotStored(ILogger log, string callId, string function, string queue, string error);

    [LoggerMessage(207, LogLevel.Information, "Refused unread, it is no request that the server takes")]
    public static partial void RequestRefused(ILogger log, string caller, int status, string error);

    [LoggerMessage(208, LogLevel.Information, "Functions are listed again")]
    public static partial void ListedAgain(ILogger log);

    [LoggerMessage(210, LogLevel.Warning, "Stream not ready")]
    public static partial void StreamNotReady(ILogger log, string stream, string error);

    [LoggerMessage(230, LogLevel.Information, "Redrive goes on")]
    public static partial void RedriveTaken(ILogger log, string job, string queue, ulong position);

    [LoggerMessage(231, LogLevel.Warning, "Redrive interrupted")]
    public static partial void RedriveInterrupted(ILogger log, string job, string queue, string error);

    [LoggerMessage(232, LogLevel.Information, "Redrive ended")]
    public static partial void RedriveEnded(ILogger log, string job, string queue, long redriven, long skipped);

    [LoggerMessage(233, LogLevel.Warning, "Calls or callbacks have waited for a minute and none was taken; is there a worker for this queue?")]
    public static partial void QueueStalled(ILogger log, string queue, long waiting);

    [LoggerMessage(234, LogLevel.Information, "Calls are taken again")]
    public static partial void QueueMoving(ILogger log, string queue);

    [LoggerMessage(235, LogLevel.Warning, "Redrives could not be looked at")]
    public static partial void RedrivesNotRead(ILogger log, string error);

    [LoggerMessage(236, LogLevel.Warning, "A queue could not be looked at")]
    public static partial void QueueNotRead(ILogger log, string queue, string error);

    [LoggerMessage(237, LogLevel.Warning, "A queue could not be looked at for its scaler")]
    public static partial void ScalerBlind(ILogger log, string queue, string error);

    [LoggerMessage(238, LogLevel.Information, "Not ready any more, new connections are still served")]
    public static partial void Draining(ILogger log, TimeSpan delay);

    [LoggerMessage(239, LogLevel.Information, "No new connections any more")]
    public static partial void Drained(ILogger log);

    [LoggerMessage(240, LogLevel.Warning, "A redrive could not be looked at, it is left alone")]
    public static partial void RedriveNotRead(ILogger log, string job, string error);

    [LoggerMessage(241, LogLevel.Information, "Function scaled by its queue")]
    public static partial void Scaled(ILogger log, string function, ulong from, ulong to, long waiting, long running);

    [LoggerMessage(242, LogLevel.Warning, "Function not scaled")]
    public static partial void NotScaled(ILogger log, string function, ulong to, string error);

    [LoggerMessage(243, LogLevel.Information, "Dead letter edited and put back")]
    public static partial void DeadLetterEdited(
        ILogger log, string queue, ulong letter, string callId, string deliveryId, string function, string before, string changed, bool repeated, string user);

    [LoggerMessage(244, LogLevel.Information, "Dead letter put back")]
    public static partial void DeadLetterRedriven(ILogger log, string queue, ulong letter, string function, string user);

    [LoggerMessage(245, LogLevel.Information, "Dead letter deleted")]
    public static partial void DeadLetterDeleted(ILogger log, string queue, ulong letter, string user);

    [LoggerMessage(246, LogLevel.Information, "Dead letters deleted")]
    public static partial void DeadLettersDeleted(
        ILogger log, string queue, long letters, string? function, string? reason, DateTimeOffset? since, DateTimeOffset? until, string? tag, string user);

    [LoggerMessage(247, LogLevel.Information, "Waiting calls of a kind cancelled")]
    public static partial void CallsCancelled(
        ILogger log, string id, string? queue, string? function, string? states, string? tag, DateTimeOffset? since, DateTimeOffset? until, string user);

    [LoggerMessage(248, LogLevel.Warning, "History could not be read, it is tried again")]
    public static partial void HistoryNotRead(ILogger log, string queue, string error);

    [LoggerMessage(249, LogLevel.Information, "Paused")]
    public static partial void Paused(ILogger log, string queue, string function, string reason, string by);

    [LoggerMessage(250, LogLevel.Information, "Resumed")]
    public static partial void Resumed(ILogger log, string queue, string function, string by);

    [LoggerMessage(251, LogLevel.Warning, "A call is put back, and its result stays that of its last run until it has ended again")]
    public static partial void ResultNotQueued(ILogger log, string callId, string function, string queue, string error);

    [LoggerMessage(252, LogLevel.Warning, "Calls are purged, and what is kept of their results still says that they wait")]
    public static partial void PurgeNotNoted(ILogger log, string queue, string function, string error);

    [LoggerMessage(253, LogLevel.Warning, "What is paused could not be read, what was known last holds")]
    public static partial void PausesNotRead(ILogger log, string bucket, string error);

    [LoggerMessage(260, LogLevel.Information, "Act")]
    public static partial void Acted(ILogger log, string who, string method, string what, int status, long count);

    [LoggerMessage(261, LogLevel.Information, "Logged in on the page")]
    public static partial void LoggedIn(ILogger log, string who, string role);

    [LoggerMessage(262, LogLevel.Warning, "Login on the page refused")]
    public static partial void LoginRefused(ILogger log, string who, string caller);

    [LoggerMessage(263, LogLevel.Warning, "Queues could not be looked at for the page")]
    public static partial void PageBlind(ILogger log, string error);

    [LoggerMessage(265, LogLevel.Warning, "/system/ is open to whoever reaches the port, for basic_auth is false")]
    public static partial void SystemOpen(ILogger log);

    [LoggerMessage(270, LogLevel.Warning, "The provider lists what cannot be read, which is passed over")]
    public static partial void ListedOddly(ILogger log, int count, string odd);
}
