using Confluent.Kafka;
using Connectors.Kafka.Client;

namespace Connectors.Kafka.Polling;

/// <summary>
/// The partitions that were there when the connector first looked. <c>initial_offset=newest</c> holds for those only: what appears later is all new, and is
/// read from its beginning. One look for the life of the process, whatever clients it makes.
/// </summary>
internal sealed class FirstLook
{
    private IReadOnlyDictionary<string, int>? _counts;

    /// <summary>Whether it was possible to look.</summary>
    public bool IsTaken => _counts is not null;

    /// <summary>Looks, unless that was done. False if the brokers do not answer.</summary>
    public bool TryTake(Handle client, TimeSpan limit)
    {
        if (IsTaken || limit <= TimeSpan.Zero)
        {
            return IsTaken;
        }

        try
        {
            var counts = BrokerQuery.Held(client, _ =>
            {
                using var admin = new DependentAdminClientBuilder(client).Build();
                return admin.GetMetadata(limit).Topics.ToDictionary(t => t.Topic, t => t.Partitions.Count);
            });

            // Two threads may look at once; both go by what the first saw.
            Interlocked.CompareExchange(ref _counts, counts, null);
            return true;
        }
        catch (KafkaException)
        {
            return false;
        }
    }

    /// <summary>How many partitions a topic had; 0 if it was not there.</summary>
    public int Partitions(string topic) => _counts?.GetValueOrDefault(topic) ?? 0;
}
