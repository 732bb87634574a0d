using Confluent.Kafka;

namespace Connectors.Kafka.Polling;

/// <summary>For how long the brokers are asked. What fails is asked again before long: brokers move and coordinators change just when partitions are assigned.</summary>
internal sealed class Deadline(TimeProvider time, TimeSpan limit)
{
    // With less left, nothing is asked: the client takes a broker that has not answered in time for one that is gone, and cuts the connection.
    private static readonly TimeSpan MinPatience = TimeSpan.FromSeconds(1);

    private readonly long _began = time.GetTimestamp();

    public TimeSpan Left => limit - time.GetElapsedTime(_began);

    /// <summary>Asks within what is left; null if there is no answer.</summary>
    public T? Ask<T>(Func<TimeSpan, T> ask)
        where T : class
    {
        try
        {
            return Left is var left && left > MinPatience ? ask(left) : null;
        }
        catch (KafkaException fault) when (!fault.Error.IsFatal)
        {
            return null;
        }
    }
}
