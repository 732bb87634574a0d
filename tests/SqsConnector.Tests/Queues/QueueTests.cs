using Connectors.Sqs.Queues;
using Connectors.Testing;
using Microsoft.Extensions.Time.Testing;

namespace Connectors.Sqs.Tests.Queues;

public class QueueTests(QueueServer server)
{
    // It is asked in the course of a poll, which brings nothing more meanwhile.
    [Fact]
    public async Task Whether_there_is_a_redrive_policy_is_not_waited_for_longer_than_for_any_request()
    {
        var name = await server.CreateAsync("redrive");
        await using var proxy = await QueueProxy.StartAsync(server.Server.Url);
        var never = new TaskCompletionSource();
        proxy.Hold = _ => never.Task;
        var (options, time) = (Running.Options(("queue_url", server.Url(name)), ("AWS_ENDPOINT_URL_SQS", proxy.Url.AbsoluteUri)), new FakeTimeProvider());
        using var queue = new Queue(options.Queues[0], options, time);

        var asking = queue.HasRedrivePolicyAsync(CancellationToken.None);
        await Eventually.HoldsAsync(() => proxy.Requests("GetQueueAttributes").Any(), "it is asked");
        time.Advance(TimeSpan.FromSeconds(10));

        // HTTP's own time is longer.
        await Eventually.HoldsAsync(() => asking.IsCompleted, "it is given up", TimeSpan.FromMinutes(1));
        Assert.Null(await asking);
    }
}
