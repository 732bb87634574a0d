using System.Collections.Concurrent;
using Connectors.Testing;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Connectors.Conformance.Tests.Nats;

public sealed class PullTests : JetStreamFixture
{
    private static readonly NatsJSConsumeOpts Lively = new() { MaxMsgs = 100, Expires = TimeSpan.FromSeconds(2), IdleHeartbeat = TimeSpan.FromSeconds(0.5) };

    [Fact]
    public async Task A_fetch_ends_with_its_number_of_messages()
    {
        await PublishAsync(10);
        var consumer = await ConsumerAsync();

        var msgs = await consumer.FetchAsync<int>(new NatsJSFetchOpts { MaxMsgs = 7 }).ToListAsync();

        Assert.Equal(Enumerable.Range(0, 7), msgs.Select(msg => msg.Data));
    }

    [Fact]
    public async Task A_fetch_ends_with_its_time()
    {
        await PublishAsync(3);
        var consumer = await ConsumerAsync();

        var msgs = await consumer.FetchAsync<int>(new NatsJSFetchOpts { MaxMsgs = 10, Expires = TimeSpan.FromSeconds(5) }).ToListAsync();

        Assert.Equal(3, msgs.Count);
        Assert.Null(await consumer.NextAsync<int>(opts: new NatsJSNextOpts { Expires = TimeSpan.FromSeconds(1) }));
    }

    [Fact]
    public async Task A_fetch_that_does_not_wait_takes_what_is_there()
    {
        await PublishAsync(3);
        var consumer = await ConsumerAsync();

        Assert.Equal(3, await consumer.FetchNoWaitAsync<int>(new NatsJSFetchOpts { MaxMsgs = 10 }).CountAsync());
        Assert.Equal(0, await consumer.FetchNoWaitAsync<int>(new NatsJSFetchOpts { MaxMsgs = 10 }).CountAsync());
    }

    [Fact]
    public async Task Consuming_goes_on_through_many_pull_requests()
    {
        await PublishAsync(1000);
        var consumer = await ConsumerAsync();
        var seen = new List<int>();

        await foreach (var msg in consumer.ConsumeAsync<int>(opts: Lively with { MaxMsgs = 10 }))
        {
            seen.Add(msg.Data);
            await msg.AckAsync();
            if (seen.Count == 1000)
            {
                break;
            }
        }

        Assert.Equal(Enumerable.Range(0, 1000), seen);
    }

    [Fact]
    public async Task Consuming_never_asks_for_more_than_its_limit()
    {
        await PublishAsync(50);
        var consumer = await ConsumerAsync();

        // No pull ends within the test: of one that did, the client may ask again for what is on its way.
        var opts = new NatsJSConsumeOpts { MaxMsgs = 4, Expires = TimeSpan.FromSeconds(30), IdleHeartbeat = TimeSpan.FromSeconds(10) };
        await foreach (var msg in consumer.ConsumeAsync<int>(opts: opts))
        {
            await consumer.RefreshAsync();
            Assert.InRange(consumer.Info.NumAckPending, 1, 4);
            await msg.AckAsync(new AckOpts { DoubleAck = true });
            if (msg.Data == 20)
            {
                break;
            }
        }
    }

    [Fact]
    public async Task Consuming_ends_without_an_exception_when_it_is_cancelled()
    {
        var consumer = await ConsumerAsync();
        using var cancel = new CancellationTokenSource();
        var consuming = consumer.ConsumeAsync<int>(opts: Lively, cancellationToken: cancel.Token).CountAsync(CancellationToken.None).AsTask();
        await WaitingAsync(consumer);

        await cancel.CancelAsync();

        Assert.Equal(0, await consuming);
    }

    [Fact]
    public async Task An_idle_consumer_is_not_taken_for_a_dead_one()
    {
        var consumer = await ConsumerAsync();
        var notifications = new ConcurrentQueue<INatsJSNotification>();
        using var cancel = new CancellationTokenSource();
        var opts = Lively with { NotificationHandler = Keep(notifications) };
        var first = new TaskCompletionSource<int>();
        var consuming = Task.Run(async () =>
        {
            await foreach (var msg in consumer.ConsumeAsync<int>(opts: opts, cancellationToken: cancel.Token))
            {
                first.TrySetResult(msg.Data);
            }
        });

        // Two requests expire and five heartbeats pass before there is a message.
        var quiet = await Js.CreateOrUpdateConsumerAsync("S", new ConsumerConfig("quiet"));
        Assert.Null(await quiet.NextAsync<int>(opts: new NatsJSNextOpts { Expires = TimeSpan.FromSeconds(5) }));
        await PublishAsync(1);

        Assert.Equal(0, await first.Task.WaitAsync(Eventually.Patience, TimeProvider.System));
        await cancel.CancelAsync();
        await consuming;
    }

    [Fact]
    public async Task A_silent_server_is_noticed_and_the_pull_goes_on_when_it_speaks_again()
    {
        var consumer = await ConsumerAsync();
        var notifications = new ConcurrentQueue<INatsJSNotification>();
        var opts = Lively with { NotificationHandler = Keep(notifications) };
        var consuming = consumer.ConsumeAsync<int>(opts: opts).FirstAsync().AsTask();
        await WaitingAsync(consumer);

        Server.Pause();
        await Eventually.HoldsAsync(() => notifications.OfType<NatsJSTimeoutNotification>().Count() >= 2, "the silence is told");
        Server.Resume();
        await PublishAsync(1);

        Assert.Equal(0, (await consuming).Data);
    }

    [Fact]
    public async Task A_silent_server_ends_a_fetch()
    {
        var consumer = await ConsumerAsync();
        var notifications = new ConcurrentQueue<INatsJSNotification>();
        var opts = new NatsJSFetchOpts { MaxMsgs = 1, Expires = TimeSpan.FromMinutes(1), IdleHeartbeat = TimeSpan.FromSeconds(0.5), NotificationHandler = Keep(notifications) };
        var fetching = consumer.FetchAsync<int>(opts).CountAsync().AsTask();
        await WaitingAsync(consumer);

        Server.Pause();
        var count = await fetching.WaitAsync(Eventually.Patience, TimeProvider.System);
        Server.Resume();

        Assert.Equal(0, count);
        Assert.Contains(notifications, notification => notification is NatsJSTimeoutNotification);
    }

    [Fact]
    public async Task Deleting_the_consumer_ends_the_consuming_with_an_exception()
    {
        var consumer = await ConsumerAsync();

        // No pull ends by itself within the test: the next one would find no consumer, which is told in another way.
        var opts = Lively with { Expires = TimeSpan.FromSeconds(30), IdleHeartbeat = TimeSpan.FromSeconds(10) };
        var consuming = consumer.ConsumeAsync<int>(opts: opts).CountAsync().AsTask();
        await WaitingAsync(consumer);

        await Js.DeleteConsumerAsync("S", "C");

        var exception = await Assert.ThrowsAsync<NatsJSProtocolException>(() => consuming);
        Assert.Equal((409, NatsHeaders.Messages.ConsumerDeleted, "Consumer Deleted"), (exception.HeaderCode, exception.HeaderMessage, exception.HeaderMessageText));
    }

    [Fact]
    public async Task Deleting_the_consumer_ends_a_fetch_with_an_exception()
    {
        var consumer = await ConsumerAsync();
        var fetching = consumer.FetchAsync<int>(new NatsJSFetchOpts { MaxMsgs = 1 }).CountAsync().AsTask();
        await WaitingAsync(consumer);

        await Js.DeleteConsumerAsync("S", "C");

        await Assert.ThrowsAsync<NatsJSProtocolException>(() => fetching);
    }

    [Fact]
    public async Task A_consumer_that_is_gone_gives_no_responders()
    {
        var consumer = await ConsumerAsync();
        await Js.DeleteConsumerAsync("S", "C");
        var notifications = new ConcurrentQueue<INatsJSNotification>();

        Assert.Null(await consumer.NextAsync<int>(opts: new NatsJSNextOpts { NotificationHandler = Keep(notifications) }));
        await Eventually.HoldsAsync(() => notifications.OfType<NatsJSNoRespondersNotification>().Any(), "no responders is told");
        await Assert.ThrowsAsync<NatsJSException>(async () =>
            await consumer.ConsumeAsync<int>(opts: Lively with { MaxConsecutive503Errors = 2 }).CountAsync());
    }

    [Fact]
    public async Task A_consumer_that_comes_back_is_consumed_again()
    {
        var consumer = await ConsumerAsync();
        await Js.DeleteConsumerAsync("S", "C");
        var notifications = new ConcurrentQueue<INatsJSNotification>();
        var consuming = consumer.ConsumeAsync<int>(opts: Lively with { NotificationHandler = Keep(notifications), MaxConsecutive503Errors = -1 }).FirstAsync().AsTask();
        await Eventually.HoldsAsync(() => !notifications.IsEmpty, "no responders is told");

        await ConsumerAsync();
        await PublishAsync(1);

        Assert.Equal(0, (await consuming).Data);
    }

    [Fact]
    public async Task Consuming_goes_on_after_the_server_was_killed()
    {
        await PublishAsync(200);
        var consumer = await ConsumerAsync(ackWait: TimeSpan.FromSeconds(2));
        var seen = new ConcurrentDictionary<int, bool>();
        using var cancel = new CancellationTokenSource();
        var consuming = Task.Run(async () =>
        {
            await foreach (var msg in consumer.ConsumeAsync<int>(opts: Lively with { MaxMsgs = 10 }, cancellationToken: cancel.Token))
            {
                seen.TryAdd(msg.Data, true);
                await msg.AckAsync();
            }
        });
        await Eventually.HoldsAsync(() => seen.Count >= 20, "messages come");

        await Server.KillAsync();
        await Server.StartAgainAsync();

        await Eventually.HoldsAsync(() => seen.Count == 200, "all messages come");
        await cancel.CancelAsync();
        await consuming;
    }

    private static Func<INatsJSNotification, CancellationToken, Task> Keep(ConcurrentQueue<INatsJSNotification> notifications) => (notification, _) =>
    {
        notifications.Enqueue(notification);
        return Task.CompletedTask;
    };

    /// <summary>Until the server holds a pull request.</summary>
    private static Task WaitingAsync(INatsJSConsumer consumer) => Eventually.HoldsAsync(
        async () =>
        {
            await consumer.RefreshAsync();
            return consumer.Info.NumWaiting > 0;
        },
        "the pull request is at the server");
}
