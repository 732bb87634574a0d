using System.Globalization;
using Connectors.Testing;

namespace Connectors.Kafka.Tests.Delivery;

/// <summary>Partitions that are paused because enough of them is in memory.</summary>
public class PausingTests
{
    // More are there than the client would fetch ahead, so that no request stands at the broker whose answer would wake it. Were each pause to last until
    // something else does, up to a second, so many would take longer than anything is waited for.
    [Fact]
    public async Task A_backlog_many_times_the_buffer_goes_on_after_each_pause()
    {
        await using var scene = await Scene.StartAsync();
        var ledger = new FunctionLedger(scene.Gateway, (_, _) => Task.FromResult(200));
        for (var i = 0; i < 2_000; i++)
        {
            scene.Send("k", i.ToString(CultureInfo.InvariantCulture));
        }

        await scene.FlushAsync();
        await using var connector = await scene.RunConnectorAsync("partition_buffer", "2", "kafka_topic_metadata_refresh_interval_ms", "300000");

        await Eventually.HoldsAsync(() => ledger.Taken >= 500, () => $"500 events are taken; {ledger.Taken} are");
        Assert.Empty(ledger.OutOfOrder());
    }
}
