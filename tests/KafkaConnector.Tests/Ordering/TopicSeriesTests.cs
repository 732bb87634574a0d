using Confluent.Kafka;
using Connectors.Kafka.Ordering;
using Connectors.Kafka.Records;
using Microsoft.Extensions.Time.Testing;

namespace Connectors.Kafka.Tests.Ordering;

public class TopicSeriesTests
{
    private const string Topic = "series-of-one-topic";
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private readonly FakeTimeProvider _time = new();

    [Fact]
    public async Task What_is_told_of_a_topic_stays_while_an_event_of_it_runs_and_if_it_is_back_in_time()
    {
        var series = new TopicSeries(_time);
        using var first = new AssignedPartition(new TopicPartition(Topic, 0), 0, 0);
        series.Begin(first);
        Metrics.DeadLettered(Topic);
        first.Enter(Record(first));
        var running = first.Start();
        first.Close();
        Pass(TopicSeries.Kept * 2);
        Assert.Equal("1", await ToldAsync());

        first.Leave(running);
        Pass(TopicSeries.Kept - Second);
        using var again = new AssignedPartition(new TopicPartition(Topic, 0), 1, 1);
        series.Begin(again);
        Pass(TopicSeries.Kept * 2);
        Assert.Equal("1", await ToldAsync());

        again.Close();
        Pass(TopicSeries.Kept - Second);
        Assert.Equal("1", await ToldAsync());
        Pass(Second);
        Assert.Null(await ToldAsync());

        void Pass(TimeSpan time)
        {
            _time.Advance(time);
            series.ForgetGone();
        }
    }

    private InFlight Record(AssignedPartition partition)
    {
        var record = new ConsumeResult<byte[]?, byte[]?>
        {
            TopicPartitionOffset = new TopicPartitionOffset(partition.Name, 0),
            Message = new Message<byte[]?, byte[]?> { Value = [1] },
        };
        return InFlight.Of(record, LastRecord.Of(record), partition, RecordEvent.Unreadable(record, "g"), Concurrency.Partition, _time.GetTimestamp());
    }

    // How many dead letters it had; null if that is not told.
    private static async Task<string?> ToldAsync()
    {
        using var text = new MemoryStream();
        await Prometheus.Metrics.DefaultRegistry.CollectAndExportAsTextAsync(text);
        return System.Text.Encoding.UTF8.GetString(text.ToArray()).Split('\n')
            .FirstOrDefault(line => line.StartsWith($"kafka_connector_dead_letters_total{{topic=\"{Topic}\"}} ", StringComparison.Ordinal))?.Split(' ')[1];
    }
}
