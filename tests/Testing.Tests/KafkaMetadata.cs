using System.Buffers.Binary;
using System.Text;

namespace Connectors.Testing.Tests;

/// <summary>A broker's answer to Kafka's Metadata request in its oldest form, which every broker knows.</summary>
internal sealed record KafkaMetadata(IReadOnlyList<int> Ports, IReadOnlyDictionary<string, IReadOnlyList<int>> Leaders)
{
    /// <summary>Asks for all topics: those that an empty list names.</summary>
    internal static async Task<KafkaMetadata> AskAsync(string broker) => Read(await KafkaRequest.SendAsync(broker, KafkaRequest.Metadata, new byte[4]));

    private static KafkaMetadata Read(byte[] answer)
    {
        var at = 0;
        var ports = new List<int>();
        for (var brokers = Number(); brokers > 0; brokers--)
        {
            Number();
            Words();
            ports.Add(Number());
        }

        var leaders = new Dictionary<string, IReadOnlyList<int>>();
        for (var topics = Number(); topics > 0; topics--)
        {
            at += 2;
            var name = Words();
            var ofPartition = new SortedDictionary<int, int>();
            for (var partitions = Number(); partitions > 0; partitions--)
            {
                at += 2;
                ofPartition[Number()] = Number();
                Skip(Number());
                Skip(Number());
            }

            leaders[name] = [.. ofPartition.Values];
        }

        return new KafkaMetadata(ports, leaders);

        int Number() => BinaryPrimitives.ReadInt32BigEndian(answer.AsSpan((at += 4) - 4));

        void Skip(int numbers) => at += 4 * numbers;

        string Words()
        {
            var length = BinaryPrimitives.ReadInt16BigEndian(answer.AsSpan(at));
            at += 2 + length;
            return Encoding.UTF8.GetString(answer, at - length, length);
        }
    }
}
