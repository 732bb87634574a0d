using Confluent.Kafka;

namespace Connectors.Kafka.Client;

/// <summary>What librdkafka has to say, as log lines and metrics of ours.</summary>
internal static class ClientLog
{
    /// <summary>A line of its own log. It repeats itself at most every 30 s.</summary>
    public static void Tell(ILogger log, LogMessage line)
    {
        var level = line.Level switch
        {
            <= SyslogLevel.Warning => LogLevel.Warning,
            SyslogLevel.Notice => LogLevel.Information,
            _ => LogLevel.Debug,
        };
        Log.Client(log, level, line.Facility, line.Message);
    }

    /// <summary>An error that concerns the client as a whole: brokers away, credentials refused.</summary>
    public static void Tell(ILogger log, Error error)
    {
        Metrics.Failed(error.Code);
        Log.ClientError(log, error.Code.ToString(), error.Reason, error.IsFatal);
    }
}
