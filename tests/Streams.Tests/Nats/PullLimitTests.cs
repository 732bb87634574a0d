using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using Connectors.Testing;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Connectors.Streams.Tests.Nats;

/// <summary>What a consumer lets one pull ask for.</summary>
public sealed class PullLimitTests
{
    [Fact]
    public async Task A_pull_over_a_limit_that_was_set_since_ends_alone_and_the_limit_is_known_when_the_consumer_is_bound_again()
    {
        var ct = TestContext.Current.CancellationToken;
        var name = $"S{Guid.NewGuid():N}";
        using var lines = new Lines();
        await using var server = await NatsServer.StartAsync();
        await using var link = await TestLink.OpenAsync(server);
        await using var inbox = new PullInbox(link.Link, TimeProvider.System, lines.CreateLogger<PullInbox>());
        await inbox.OpenAsync(ct);
        var setup = new StreamSetup(link.Link, TimeProvider.System, NullLogger<StreamSetup>.Instance);
        var consumers = new ConsumerSetup(link.Link, setup, TimeProvider.System, NullLogger<ConsumerSetup>.Instance);
        await setup.EnsureAsync(new StreamShape { Name = name, Subjects = $"{name}.>", Retention = StreamRetention.WorkQueue }, isFirst: true, ct);
        using var consumer = StreamConsumer.Shared(inbox, consumers, name, "c", $"{name}.>", TimeSpan.FromSeconds(30), TimeProvider.System);
        var end = new FirstEnd();
        consumer.Listen(end);
        await consumer.BindAsync(ct);
        Assert.Equal(int.MaxValue, consumer.MaxBatch);

        var config = (await link.Link.JetStream.GetConsumerAsync(name, "c", ct)).Info.Config;
        config.MaxBatch = 2;
        await link.Link.JetStream.CreateOrUpdateConsumerAsync(name, config, ct);
        Assert.True(consumer.TryPull(2, waits: true));
        Assert.True(consumer.TryPull(5, waits: false));

        Assert.Equal((5, PullEnd.Gone, 2), await end.Came.WaitAsync(Eventually.Patience, TimeProvider.System, ct));
        Assert.False(consumer.TryPull(1, waits: false));
        await consumer.BindAsync(ct);
        Assert.Equal(2, consumer.MaxBatch);
        Assert.Contains("Exceeded MaxRequestBatch of 2", Assert.Single(lines.Warnings), StringComparison.Ordinal);
    }

    private sealed class FirstEnd : IPullListener
    {
        private readonly TaskCompletionSource<(int Unused, PullEnd Why, int Outstanding)> _end = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<(int Unused, PullEnd Why, int Outstanding)> Came => _end.Task;

        public void Delivered(Delivery delivery, bool wasAsked, int outstanding)
        {
            // Nothing is stored.
        }

        public void Returned(int unused, PullEnd why, int outstanding) => _end.TrySetResult((unused, why, outstanding));
    }
}
