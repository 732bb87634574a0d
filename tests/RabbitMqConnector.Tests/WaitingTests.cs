using System.Globalization;
using Connectors.RabbitMq.Settling;
using Connectors.Sdk.Events;

namespace Connectors.RabbitMq.Tests;

/// <summary>What waits, and is taken out once it is old.</summary>
public class WaitingTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(3600)]
    public void What_grows_old_while_it_is_looked_at_is_taken_once(int backOff)
    {
        var clock = new SteppingClock();
        var waiting = new Waiting(clock);
        string[] ids = [.. Enumerable.Range(0, 20).Select(i => i.ToString(CultureInfo.InvariantCulture))];
        foreach (var id in ids)
        {
            var message = new RabbitMqMessage(new Event { Id = id, Topic = "orders" }, null!, null!, waiting, null!, clock.GetTimestamp(), null!);
            Assert.True(waiting.TryAdd(message, TimeSpan.FromSeconds(backOff)));
        }

        List<string> taken = [];
        for (var i = 0; i < 100; i++)
        {
            taken.AddRange(waiting.TakeOld(TimeSpan.FromSeconds(50)).Select(message => message.Event.Id));
        }

        Assert.Equal(ids.Order(StringComparer.Ordinal), taken.Order(StringComparer.Ordinal));
        Assert.Empty(waiting.Close());
    }

    // A second later with each look at it.
    private sealed class SteppingClock : TimeProvider
    {
        private long _now;

        public override long TimestampFrequency => 1;

        public override long GetTimestamp() => _now++;
    }
}
