using Connectors.Testing;

namespace Connectors.Sqs.Tests;

/// <summary>A message that is given back comes again when it should, uses up no receive for nobody, and is run by no function that took it.</summary>
public class GiveBackTests(QueueServer server)
{
    private const string Receive = "ReceiveMessage";
    private const string Hide = "ChangeMessageVisibilityBatch";

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_function_that_took_a_message_does_not_get_it_again_while_another_fails(bool isFifo)
    {
        var queue = await server.CreateAsync("both", isFifo);
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "good"), ListedFunction.Wanting(queue, "bad"));
        var failures = 3;
        gateway.Answer = (request, http) =>
        {
            http.Response.StatusCode = IsBad(request) && Interlocked.Decrement(ref failures) >= 0 ? 500 : 200;
            return Task.CompletedTask;
        };
        await using var connector = await Running.StartAsync(gateway, ("queue_url", server.Url(queue)), ("max_retry_wait", "1s"));

        await server.SendAsync(queue, "x", isFifo ? "group" : null);
        await gateway.ReceivesAsync(4, IsBad);
        await server.IsEmptyAsync(queue);

        Assert.Equal(["1", "2", "3", "4"], gateway.Calls.Where(IsBad).Select(Receives));
        Assert.Equal(["1"], gateway.Calls.Where(call => !IsBad(call)).Select(Receives));
        Assert.Single(gateway.Calls.Select(call => call.CallId).Distinct());

        static bool IsBad(RecordedRequest call) => call.Path.Contains("/bad.", StringComparison.Ordinal);
    }

    // The long poll that was under way when its function went would bring it back at once, for nobody, and use up its last receive.
    [Fact]
    public async Task What_no_function_wants_any_more_is_hidden_until_no_poll_is_under_way_and_run_once_one_does()
    {
        var dead = await server.CreateAsync("dead");
        var queue = await server.CreateAsync("replaced", deadLetters: dead, maxReceives: 2);
        await using var proxy = await QueueProxy.StartAsync(server.Server.Url);
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        var release = new TaskCompletionSource();
        gateway.Answer = async (request, http) =>
        {
            if (Receives(request) == "1")
            {
                await release.Task;
                http.Response.StatusCode = 404;
            }
        };
        await server.SendAsync(queue, "patient");
        await using var connector = await Running.StartAsync(
            gateway,
            ("queue_url", server.Url(queue)),
            ("AWS_ENDPOINT_URL_SQS", proxy.Url.AbsoluteUri),
            ("wait_time", "10s"),
            ("upstream_timeout", "10m"),
            ("initial_retry_wait", "100ms"));
        await gateway.ReceivesAsync(1);
        await Eventually.HoldsAsync(() => proxy.Requests(Receive).Any(r => r.Text.Contains("\"WaitTimeSeconds\":10", StringComparison.Ordinal)), "a long poll is under way");

        gateway.Functions = [];
        await gateway.IsPolledAsync();
        release.SetResult();
        await connector.SaysAsync("No function wants the queue");
        gateway.Functions = [ListedFunction.Wanting(queue, "receiver")];

        await gateway.ReceivesAsync(1, call => Receives(call) == "2");
        await server.IsEmptyAsync(queue);
        Assert.Equal((0, 0), await server.CountAsync(dead));
    }

    [Fact]
    public async Task A_poll_that_waited_for_a_slot_is_not_begun_once_no_function_wants_the_queue()
    {
        var queue = await server.CreateAsync("slotless");
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        var release = new TaskCompletionSource();
        gateway.Answer = (_, http) => release.Task.WaitAsync(http.RequestAborted);
        await server.SendAsync(queue, [("1", null), ("2", null), ("3", null)]);
        await using var connector = await Running.StartAsync(gateway, ("queue_url", server.Url(queue)), ("max_inflight", "1"), ("upstream_timeout", "10m"));
        await gateway.ReceivesAsync(1);

        gateway.Functions = [];
        await gateway.IsPolledAsync();
        release.SetResult();
        await connector.SaysAsync("No function wants the queue");
        gateway.Functions = [ListedFunction.Wanting(queue, "receiver")];

        await gateway.ReceivesAsync(3);
        await server.IsEmptyAsync(queue);
        Assert.Equal(["1", "1", "1"], gateway.Calls.Select(Receives));
    }

    // SQS refuses a renewal, the function fails meanwhile, and the renewal is sent again after the message was given back.
    [Fact]
    public async Task A_renewal_that_is_under_way_does_not_hide_what_is_given_back()
    {
        var queue = await server.CreateAsync("overtaken");
        await using var proxy = await QueueProxy.StartAsync(server.Server.Url);
        var (release, isGivenBack) = (new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously), false);
        proxy.Instead = (operation, request) =>
        {
            if (operation != Hide)
            {
                return null;
            }

            if (!request.Text.Contains("\"VisibilityTimeout\":3600", StringComparison.Ordinal))
            {
                Volatile.Write(ref isGivenBack, true);
                return null;
            }

            release.TrySetResult();
            return Volatile.Read(ref isGivenBack) ? null : QueueProxy.Error("RequestThrottled");
        };
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        gateway.Answer = async (request, http) =>
        {
            if (Receives(request) == "1")
            {
                await release.Task;
                http.Response.StatusCode = 500;
            }
        };
        await server.SendAsync(queue, "x");
        await using var connector = await Running.StartAsync(
            gateway,
            ("queue_url", server.Url(queue)),
            ("AWS_ENDPOINT_URL_SQS", proxy.Url.AbsoluteUri),
            ("visibility_timeout", "1h"),
            ("visibility_renewal", "1s"),
            ("upstream_timeout", "10m"),
            ("initial_retry_wait", "5s"),
            ("backoff", "exponential"));

        await gateway.ReceivesAsync(2);
        await server.IsEmptyAsync(queue);

        Assert.Equal(["1", "2"], gateway.Calls.Select(Receives));
    }

    private static string? Receives(RecordedRequest call) => call.Header("X-SQS-ApproximateReceiveCount");
}
