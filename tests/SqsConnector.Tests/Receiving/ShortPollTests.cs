using System.Threading.Channels;
using Connectors.Sdk.Events;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Sdk.Topics;
using Connectors.Sqs.Queues;
using Connectors.Sqs.Receiving;
using Connectors.Sqs.Settling;
using Connectors.Testing;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Connectors.Sqs.Tests.Receiving;

/// <summary>Where SQS is not to wait for messages, nothing but a pause of ours keeps an empty queue from being asked without end, and each request is paid for.</summary>
public class ShortPollTests(QueueServer server)
{
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(20);

    [Fact]
    public async Task An_empty_queue_is_asked_once_a_second()
    {
        const int receives = 6;
        var queue = await server.CreateAsync("short-poll");
        await using var proxy = await QueueProxy.StartAsync(server.Server.Url);
        var options = Running.Options(
            ("gateway_url", "http://127.0.0.1:1"), ("queue_url", server.Url(queue)), ("AWS_ENDPOINT_URL_SQS", proxy.Url.AbsoluteUri), ("wait_time", "0"));
        var (time, random, topics) = (new FakeTimeProvider(), new Random(1), new LatestTopicMap());
        topics.Swap(new TopicMap([new Function(new FunctionName("f", "ns"), new Dictionary<string, string> { ["topic"] = queue })], "", withPatterns: false));
        await using var settler = new Settler(new Queue(options.Queues[0], options, time), options, time, random, NullLogger<Settler>.Instance);
        var watch = new QueueWatch(options.Queues[0], topics, new Readiness(), NullLogger.Instance);
        using var stop = new CancellationTokenSource();
        var reading = new QueueReader(settler, watch, options, time, random)
            .RunAsync(new Reservations(new Slots(5), time), Channel.CreateUnbounded<Arrival>().Writer, stop.Token, stop.Token);

        var passed = TimeSpan.Zero;
        await Eventually.HoldsAsync(
            () =>
            {
                time.Advance(Step);
                passed += Step;
                return Receives() >= receives;
            },
            "it is asked again and again");

        // Twice at the beginning, for the first is to tell whether the queue can be read at all.
        Assert.InRange(Receives(), receives, 2 + (int)passed.TotalSeconds);
        await stop.CancelAsync();
        await reading;

        int Receives() => proxy.Requests("ReceiveMessage").Count();
    }
}
