using Microsoft.Extensions.Logging;

namespace Connectors.Streams.Nats;

/// <summary>Every line about NATS, whichever service it is; ids 150 to 199.</summary>
internal static partial class Log
{
    [LoggerMessage(150, LogLevel.Information, "NATS connected")]
    public static partial void NatsOpened(ILogger log, string server, string serverVersion);

    [LoggerMessage(151, LogLevel.Warning, "NATS away: the connection is lost")]
    public static partial void NatsLost(ILogger log, string server);

    [LoggerMessage(152, LogLevel.Warning, "NATS cannot be reached")]
    public static partial void NatsUnreachable(ILogger log, string server, string error);

    [LoggerMessage(153, LogLevel.Error, "NATS server refused: nothing is stored there")]
    public static partial void NatsRefused(ILogger log, string error);

    [LoggerMessage(154, LogLevel.Warning, "NATS server is old; upgrade it to 2.11 or newer")]
    public static partial void NatsOld(ILogger log, string serverVersion, string danger);

    [LoggerMessage(EventId = 155, Message = "NATS client")]
    public static partial void NatsClient(ILogger log, LogLevel level, string words);

    [LoggerMessage(160, LogLevel.Warning, "Write was refused")]
    public static partial void WriteRefused(ILogger log, string subject, string? messageId, string error);

    [LoggerMessage(161, LogLevel.Warning, "It is not known whether a write was stored")]
    public static partial void WriteUnknown(ILogger log, string subject, string? messageId, string error);

    [LoggerMessage(EventId = 170, Message = "Stream was missing and is created")]
    public static partial void StreamCreated(ILogger log, LogLevel level, string stream);

    [LoggerMessage(EventId = 171, Message = "Consumer was missing and is created")]
    public static partial void ConsumerCreated(ILogger log, LogLevel level, string stream, string consumer);

    [LoggerMessage(172, LogLevel.Information, "Limits of the stream are brought in line with the options")]
    public static partial void StreamUpdated(ILogger log, string stream);

    [LoggerMessage(173, LogLevel.Information, "The bucket is brought onto more servers")]
    public static partial void BucketRaised(ILogger log, string bucket, int replicas);

    [LoggerMessage(174, LogLevel.Warning, "The bucket cannot be brought onto more servers")]
    public static partial void BucketNotRaised(ILogger log, string bucket, int replicas, string? error);

    [LoggerMessage(175, LogLevel.Warning, "Consumer remembers more than its stream, which has lost messages, and is made anew")]
    public static partial void ConsumerAhead(ILogger log, string stream, string consumer, ulong delivered, ulong ackFloor);

    [LoggerMessage(176, LogLevel.Information, "Calls are stored")]
    public static partial void Durability(ILogger log, string stream, string durability);

    [LoggerMessage(177, LogLevel.Warning, "Stream lies elsewhere than nats_stream_storage says, and NATS moves none: set the option to what was found, or delete the stream once it is empty and start again")]
    public static partial void StorageDiffers(ILogger log, string stream, string found, string wanted);

    [LoggerMessage(178, LogLevel.Warning, "The stream cannot be brought in line with the options, and is used as it is")]
    public static partial void StreamNotUpdated(ILogger log, string stream, string error);

    [LoggerMessage(179, LogLevel.Information, "The stream may have more consumers than its server gives it by itself")]
    public static partial void ConsumersRaised(ILogger log, string stream, int consumers);

    [LoggerMessage(180, LogLevel.Warning, "Pull failed")]
    public static partial void PullFailed(ILogger log, string consumer, string error);

    [LoggerMessage(181, LogLevel.Warning, "Acks are not agreed on yet by the stream's servers; they are sent again, and their slots are held")]
    public static partial void AcksSlow(ILogger log, string consumer, int waiting, bool isFollowed);

    [LoggerMessage(182, LogLevel.Warning, "Pull is over a limit of the consumer, which is read anew; told once")]
    public static partial void PullOverLimit(ILogger log, string consumer, string error);

    [LoggerMessage(183, LogLevel.Information, "Entries of the bucket lie until they reach its age for now, for the server heeds none of their own")]
    public static partial void BucketWithoutAges(ILogger log, string bucket, string error);

    [LoggerMessage(184, LogLevel.Information, "The bucket has a limit from now on")]
    public static partial void BucketBounded(ILogger log, string bucket, long maxBytes);

    [LoggerMessage(185, LogLevel.Warning, "The bucket has no limit for now")]
    public static partial void BucketNotBounded(ILogger log, string bucket, long maxBytes, string error);

    [LoggerMessage(186, LogLevel.Information, "The stream refuses what is new when it is full from now on; it dropped what was oldest")]
    public static partial void StreamKeepsOld(ILogger log, string stream);

    [LoggerMessage(187, LogLevel.Information, "Stream is another one than before, or was restored: what was acked of it is forgotten")]
    public static partial void StreamReplaced(ILogger log, string stream);

    [LoggerMessage(188, LogLevel.Warning, "The account takes no stream without a limit: this one has one, over which writes to it are refused. nats stream edit --max-bytes sets another, which stays; of calls that wait, or are put aside, nats_max_bytes does where it is set, at each start")]
    public static partial void StreamBounded(ILogger log, string stream, long maxBytes);

    [LoggerMessage(189, LogLevel.Warning, "Message is gone, or its number is another's by now: its ack, its nak and its renewals are not sent")]
    public static partial void MessageLost(ILogger log, string stream, ulong sequence, string subject);

    [LoggerMessage(190, LogLevel.Warning, "Consumer was edited, or made by hand, so that messages would stay in it, and is put right")]
    public static partial void ConsumerHinders(ILogger log, string stream, string consumer, string error);

    [LoggerMessage(192, LogLevel.Warning, "What this worker has in hand cannot be told: for the gateway and the queue's other workers it is not there")]
    public static partial void ReportNotTold(ILogger log, string queue, string error);

    [LoggerMessage(193, LogLevel.Warning, "What workers have in hand cannot be heard: every stored call counts as waiting")]
    public static partial void ReportsNotHeard(ILogger log, string queue, string error);
}
