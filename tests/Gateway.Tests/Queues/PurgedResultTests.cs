using System.Net;
using Connectors.Streams.Records;

namespace Connectors.Gateway.Tests.Queues;

/// <summary>What is told of the result of a call that was purged (R16 of docs/delivery-states.md).</summary>
public sealed class PurgedResultTests(QueueFixture fixture) : IClassFixture<QueueFixture>
{
    private readonly TestGateway _gateway = fixture.Gateway;
    private readonly StoredCalls _stored = fixture.Stored;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task R16_a_purged_call_is_told_as_purged_whether_it_waited_or_was_delayed(bool byFunction)
    {
        var queue = await DeployAsync();
        var waiting = await CallAsync(queue);
        var delayed = await CallAsync(queue, ("X-Delay", "1h"));
        Assert.Equal((("queued", 202), ("queued", 202)), (await StateAsync(waiting), await StateAsync(delayed)));

        Assert.Equal("""{"purged":2}""", await PurgeAsync(queue, byFunction ? queue : null));
        using var answer = await _gateway.SendAsync(HttpMethod.Get, "/async-function/" + waiting);
        using var with200 = await _gateway.SendAsync(HttpMethod.Get, "/async-function/" + waiting, headers: ("X-Result-Status", "200"));

        Assert.Equal((("purged", 410), ("purged", 410)), (await StateAsync(waiting), await StateAsync(delayed)));
        Assert.Equal(("410", $"{queue}.openfaas-fn"), (answer.Headers.GetValues("X-Function-Status").Single(), answer.Headers.GetValues("X-Function-Name").Single()));
        Assert.Empty(await answer.Content.ReadAsByteArrayAsync());
        Assert.Equal((HttpStatusCode.OK, "410"), (with200.StatusCode, with200.Headers.GetValues("X-Function-Status").Single()));
    }

    [Fact]
    public async Task R16_a_purge_of_other_calls_and_one_that_comes_before_the_call_mean_nothing_to_it()
    {
        var (queue, other) = (await DeployAsync(), await DeployAsync());
        await CallAsync(queue);
        await CallAsync(other);
        await PurgeAsync(queue, queue);
        await PurgeAsync(queue, null);

        var call = await CallAsync(queue);
        await PurgeAsync(other, null);
        await PurgeAsync(queue, other);

        Assert.Equal(("queued", 202), await StateAsync(call));
    }

    [Fact]
    public async Task R16_a_call_that_ran_when_its_queue_was_purged_has_its_result_at_its_end_and_one_that_had_ended_keeps_it()
    {
        var queue = await DeployAsync();
        var (running, ended) = (await CallAsync(queue), await CallAsync(queue));
        await _stored.StoreResultAsync(ended, [1], TimeSpan.FromMinutes(10));

        await PurgeAsync(queue, null);
        Assert.Equal((("purged", 410), ("failed", 418)), (await StateAsync(running), await StateAsync(ended)));
        await _stored.StoreResultAsync(running, [2], TimeSpan.FromMinutes(10));

        Assert.Equal(("failed", 418), await StateAsync(running));
    }

    // Whether a stream knows an id that was purged from it is the server's to say.
    [Theory]
    [InlineData(null)]
    [InlineData("once-more")]
    public async Task R16_an_id_that_is_used_again_after_the_purge_is_of_the_call_that_it_names_now(string? key)
    {
        var queue = await DeployAsync();
        (string, string)[] headers = [("X-Call-Id", queue + "-call"), .. key is null ? Array.Empty<(string, string)>() : [("Idempotency-Key", key)]];
        await CallAsync(queue, headers);
        await PurgeAsync(queue, null);

        using var again = await _gateway.PostAsync($"/async-function/{queue}", "hi", [("X-Store-Result", "10m"), .. headers]);

        Assert.Equal(HttpStatusCode.Accepted, again.StatusCode);
        Assert.Equal(again.Headers.Contains("X-Duplicate") ? ("purged", 410) : ("queued", 202), await StateAsync(queue + "-call"));
    }

    [Fact]
    public async Task R16_a_call_that_was_refused_leaves_the_one_of_its_id_purged()
    {
        var queue = await DeployAsync();
        var call = await CallAsync(queue);
        await PurgeAsync(queue, null);
        await CallAsync(queue);
        var config = (await _stored.JetStream.GetStreamAsync(StreamNames.Calls(queue))).Info.Config;
        config.MaxMsgs = 1;
        await _stored.JetStream.UpdateStreamAsync(config);

        using var refused = await _gateway.PostAsync($"/async-function/{queue}", "hi", ("X-Store-Result", "10m"), ("X-Call-Id", call));

        Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
        Assert.Equal(("purged", 410), await StateAsync(call));
    }

    [Fact]
    public async Task R16_a_call_that_is_put_back_after_the_purge_waits()
    {
        var seed = await new DeadLetterSeed(_stored.JetStream, "q" + Guid.NewGuid().ToString("N")[..8]).CreateAsync();
        var dead = DeadLetterSeed.Call() with { StoreResult = TimeSpan.FromMinutes(10) };
        var seq = await seed.DeadAsync(dead);
        await PurgeAsync(seed.Queue, null);

        await _gateway.SystemAsync(HttpMethod.Post, $"queues/{seed.Queue}/dead/{seq}/redrive", expected: HttpStatusCode.Accepted);
        Assert.Equal(("queued", 202), await StateAsync(dead.CallId));
        await PurgeAsync(seed.Queue, "echo");

        Assert.Equal(("purged", 410), await StateAsync(dead.CallId));
    }

    [Fact]
    public async Task A_record_of_an_earlier_gateway_that_names_no_queue_stays_queued()
    {
        var queue = await DeployAsync();
        await CallAsync(queue);
        await _stored.StoreQueuedAsync(queue + "-old");

        await PurgeAsync(queue, null);

        Assert.Equal(("queued", 202), await StateAsync(queue + "-old"));
    }

    // A function and the queue of its name.
    private async Task<string> DeployAsync()
    {
        var name = "p" + Guid.NewGuid().ToString("N")[..8];
        await _gateway.DeployAsync(name, "cat", annotations: new Dictionary<string, string> { ["com.openfaas.queue"] = name });
        return name;
    }

    // Accepted, with its result to be kept.
    private async Task<string> CallAsync(string function, params (string Name, string Value)[] headers)
    {
        using var accepted = await _gateway.PostAsync($"/async-function/{function}", "hi", [("X-Store-Result", "10m"), .. headers]);
        Assert.Equal(HttpStatusCode.Accepted, accepted.StatusCode);
        return accepted.Headers.GetValues("X-Call-Id").Single();
    }

    private async Task<(string State, int Status)> StateAsync(string id)
    {
        using var answer = await _gateway.SendAsync(HttpMethod.Get, "/async-function/" + id);
        return (answer.Headers.GetValues("X-Call-State").Single(), (int)answer.StatusCode);
    }

    private Task<string> PurgeAsync(string queue, string? function) =>
        _gateway.SystemAsync(HttpMethod.Delete, $"queues/{queue}/calls{(function is null ? "" : $"?function={function}")}");
}
