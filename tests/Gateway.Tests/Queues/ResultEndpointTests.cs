using System.Net;
using Connectors.Streams.Records;

namespace Connectors.Gateway.Tests.Queues;

/// <summary>Stored results as a caller asks for them.</summary>
public sealed class ResultEndpointTests(QueueFixture fixture) : IClassFixture<QueueFixture>
{
    private readonly TestGateway _gateway = fixture.Gateway;

    [Fact]
    public async Task A_result_is_202_until_the_call_ends_and_then_the_functions_own_answer()
    {
        using var accepted = await _gateway.PostAsync("/async-function/echo", "hi", ("X-Store-Result", "10m"));
        var id = accepted.Headers.GetValues("X-Call-Id").Single();
        using var waiting = await _gateway.SendAsync(HttpMethod.Get, "/async-function/" + id);
        byte[] body = [.. Enumerable.Range(0, 256).Select(b => (byte)b), (byte)'\n'];
        await fixture.Stored.StoreResultAsync(id, body, TimeSpan.FromMinutes(1));

        using var done = await _gateway.SendAsync(HttpMethod.Get, "/async-function/" + id);

        Assert.Equal(HttpStatusCode.Accepted, accepted.StatusCode);
        Assert.Equal(HttpStatusCode.Accepted, waiting.StatusCode);
        Assert.Equal("queued", waiting.Headers.GetValues("X-Call-State").Single());
        Assert.Equal(418, (int)done.StatusCode);
        Assert.Equal(body, await done.Content.ReadAsByteArrayAsync());
        Assert.Equal("image/teapot", done.Content.Headers.GetValues("Content-Type").Single());
        Assert.Equal(["a", "b"], done.Headers.GetValues("X-Two"));
        Assert.Equal("failed", done.Headers.GetValues("X-Call-State").Single());
    }

    [Theory]
    [InlineData("200", 200)]
    [InlineData("204", 418)]
    public async Task A_result_is_answered_with_200_if_its_caller_asks_for_that(string asked, int status)
    {
        await fixture.Stored.StoreResultAsync("with-200", [1, 2, 3], TimeSpan.FromMinutes(1));

        using var answer = await _gateway.SendAsync(HttpMethod.Get, "/async-function/with-200", headers: ("X-Result-Status", asked));

        Assert.Equal((status, "418"), ((int)answer.StatusCode, answer.Headers.GetValues("X-Function-Status").Single()));
        Assert.Equal([1, 2, 3], await answer.Content.ReadAsByteArrayAsync());
    }

    [Fact]
    public async Task What_is_unknown_or_past_its_time_is_404()
    {
        await fixture.Stored.StoreResultAsync("past", [1], TimeSpan.FromSeconds(-1));
        using var without = await _gateway.PostAsync("/async-function/echo", "hi", ("X-Call-Id", "not-stored"));

        using var unknown = await _gateway.SendAsync(HttpMethod.Get, "/async-function/unknown");
        using var past = await _gateway.SendAsync(HttpMethod.Get, "/async-function/past");
        using var notStored = await _gateway.SendAsync(HttpMethod.Get, "/async-function/not-stored");

        Assert.Equal([HttpStatusCode.NotFound, HttpStatusCode.NotFound, HttpStatusCode.NotFound], [unknown.StatusCode, past.StatusCode, notStored.StatusCode]);
    }

    [Theory]
    [InlineData("a/b")]
    [InlineData("a%2Fb")]
    [InlineData("a?b#c;d=\"e\"")]
    [InlineData("a/../b")]
    public async Task Every_id_that_is_accepted_can_be_asked_for(string id)
    {
        using var accepted = await _gateway.PostAsync("/async-function/echo", "hi", ("X-Call-Id", id), ("X-Store-Result", "10m"));

        using var found = await _gateway.SendAsync(HttpMethod.Get, "/async-function/" + Uri.EscapeDataString(id));
        using var cancelled = await _gateway.SendAsync(HttpMethod.Delete, "/async-function/" + Uri.EscapeDataString(id));

        Assert.Equal([id], accepted.Headers.GetValues("X-Call-Id"));
        Assert.Equal((HttpStatusCode.Accepted, HttpStatusCode.Accepted), (found.StatusCode, cancelled.StatusCode));
        Assert.Equal([id], found.Headers.GetValues("X-Call-Id"));
    }

    [Theory]
    [InlineData(".")]
    [InlineData("..")]
    [InlineData("with space")]
    public async Task An_id_that_cannot_be_asked_for_is_replaced(string id)
    {
        using var accepted = await _gateway.PostAsync("/async-function/echo", "hi", ("X-Call-Id", id));

        Assert.True(Guid.TryParse(accepted.Headers.GetValues("X-Call-Id").Single(), out _));
    }

    [Fact]
    public async Task A_repeat_leaves_the_result_of_the_call_that_it_repeats()
    {
        (string, string)[] headers = [("X-Store-Result", "10m"), ("X-Call-Id", "once"), ("Idempotency-Key", "once")];
        using var first = await _gateway.PostAsync("/async-function/echo", "hi", headers);
        await fixture.Stored.StoreResultAsync("once", [1, 2, 3], TimeSpan.FromMinutes(10));

        using var repeat = await _gateway.PostAsync("/async-function/echo", "hi", headers);
        using var result = await _gateway.SendAsync(HttpMethod.Get, "/async-function/once");

        Assert.Equal((HttpStatusCode.Accepted, HttpStatusCode.Accepted), (first.StatusCode, repeat.StatusCode));
        Assert.Equal("true", repeat.Headers.GetValues("X-Duplicate").Single());
        Assert.Equal([1, 2, 3], await result.Content.ReadAsByteArrayAsync());
    }

    [Fact]
    public async Task A_repeat_under_another_id_leaves_no_record_of_that_one()
    {
        (string, string)[] headers = [("X-Store-Result", "10m"), ("Idempotency-Key", "twice-without-id")];
        using var first = await _gateway.PostAsync("/async-function/echo", "hi", headers);
        using var repeat = await _gateway.PostAsync("/async-function/echo", "hi", headers);

        using var known = await _gateway.SendAsync(HttpMethod.Get, "/async-function/" + first.Headers.GetValues("X-Call-Id").Single());
        using var none = await _gateway.SendAsync(HttpMethod.Get, "/async-function/" + repeat.Headers.GetValues("X-Call-Id").Single());

        Assert.Equal("true", repeat.Headers.GetValues("X-Duplicate").Single());
        Assert.Equal((HttpStatusCode.Accepted, HttpStatusCode.NotFound), (known.StatusCode, none.StatusCode));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("until-there-is-room")]
    public async Task A_call_that_was_not_stored_leaves_no_record_and_one_that_was_does_at_its_next_try(string? key)
    {
        var name = key is null ? "small" : "small-keyed";
        await _gateway.DeployAsync(name, "cat", annotations: new Dictionary<string, string> { ["com.openfaas.queue"] = name });
        (string, string)[] headers = [("X-Store-Result", "10m"), ("X-Call-Id", name + "-call"), .. key is null ? Array.Empty<(string, string)>() : [("Idempotency-Key", key)]];
        using var filling = await _gateway.PostAsync($"/async-function/{name}", "hi");
        await LimitAsync(name, 1);

        using var refused = await _gateway.PostAsync($"/async-function/{name}", "hi", headers);
        using var none = await _gateway.SendAsync(HttpMethod.Get, $"/async-function/{name}-call");
        await LimitAsync(name, -1);
        using var accepted = await _gateway.PostAsync($"/async-function/{name}", "hi", headers);
        using var known = await _gateway.SendAsync(HttpMethod.Get, $"/async-function/{name}-call");

        Assert.Equal((HttpStatusCode.ServiceUnavailable, HttpStatusCode.NotFound), (refused.StatusCode, none.StatusCode));
        Assert.Equal((HttpStatusCode.Accepted, HttpStatusCode.Accepted), (accepted.StatusCode, known.StatusCode));
    }

    [Fact]
    public async Task A_call_that_was_not_stored_leaves_the_result_that_its_id_had()
    {
        await _gateway.DeployAsync("full", "cat", annotations: new Dictionary<string, string> { ["com.openfaas.queue"] = "full" });
        using var filling = await _gateway.PostAsync("/async-function/full", "hi");
        await LimitAsync("full", 1);
        await fixture.Stored.StoreResultAsync("full-call", [1, 2, 3], TimeSpan.FromMinutes(10));

        using var refused = await _gateway.PostAsync("/async-function/full", "hi", ("X-Store-Result", "10m"), ("X-Call-Id", "full-call"));
        using var result = await _gateway.SendAsync(HttpMethod.Get, "/async-function/full-call");

        Assert.Equal((503, 418), ((int)refused.StatusCode, (int)result.StatusCode));
        Assert.Equal([1, 2, 3], await result.Content.ReadAsByteArrayAsync());
    }

    [Theory]
    [InlineData("soon")]
    [InlineData("0s")]
    [InlineData("25h")]
    public async Task A_time_that_is_none_is_400(string age)
    {
        using var answer = await _gateway.PostAsync("/async-function/echo", "hi", ("X-Store-Result", age));

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
    }

    [Fact]
    public async Task An_operator_may_allow_less_time_which_is_named()
    {
        await using var gateway = await TestGateway.StartAsync(fixture.Nats, ("result_max_age", "10m"));
        await gateway.DeployAsync("echo", "cat");

        using var most = await gateway.PostAsync("/async-function/echo", "hi", ("X-Store-Result", "10m"));
        using var more = await gateway.PostAsync("/async-function/echo", "hi", ("X-Store-Result", "601s"));

        Assert.Equal([HttpStatusCode.Accepted, HttpStatusCode.BadRequest], [most.StatusCode, more.StatusCode]);
        Assert.Contains("result_max_age", await more.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    private async Task LimitAsync(string queue, int messages) => await fixture.Stored.JetStream.UpdateStreamAsync(
        (await fixture.Stored.JetStream.GetStreamAsync(StreamNames.Calls(queue))).Info.Config with { MaxMsgs = messages });
}
