using System.Net;
using Connectors.Streams.Records;
using Connectors.Testing;

namespace Connectors.Gateway.Tests;

/// <summary>Calls that are accepted for later: where they are stored, how they are listed and taken away (R17 of docs/delivery-states.md).</summary>
public sealed class DelayedAcceptTests(QueueFixture fixture) : IClassFixture<QueueFixture>
{
    private readonly TestGateway _gateway = fixture.Gateway;
    private readonly StoredCalls _stored = fixture.Stored;

    [Fact]
    public async Task R17_a_delayed_call_is_stored_aside_before_the_202_with_its_time()
    {
        await DeployAsync("stored", new Dictionary<string, string> { ["com.openfaas.queue"] = "later", ["com.openfaas.retry.max_age"] = "1h" });
        var before = TimeProvider.System.GetUtcNow();
        using var answer = await _gateway.PostAsync("/async-function/stored", "hi", ("X-Delay", "10m"), ("X-Priority", "high"));

        Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
        var call = await _stored.LastOfAsync(StreamNames.Aside("later"));
        Assert.InRange(call.Envelope.Due!.Value, before.AddMinutes(10), TimeProvider.System.GetUtcNow().AddMinutes(10));
        Assert.Equal(call.Envelope.Due, call.Envelope.NotBefore);
        Assert.Equal(call.Envelope.Due!.Value.AddHours(1), call.Envelope.Deadline);
        Assert.Equal(AsideGroup.At(call.Envelope.Due!.Value).Due, AsideGroup.Of(call.Subject).Due);
        Assert.EndsWith(".high.openfaas-fn.stored", call.Subject, StringComparison.Ordinal);
        Assert.DoesNotContain(call.Envelope.Headers, h => h.Is("X-Delay"));
        Assert.Equal(0ul, await _stored.CountAsync("later"));
    }

    [Theory]
    [InlineData("X-Not-Before", "2026-01-01T00:00:00Z")]
    [InlineData("X-Delay", "0")]
    public async Task R17_a_repeat_by_key_is_recognised_also_when_the_time_has_come_meanwhile(string name, string value)
    {
        var function = $"repeat-{name.ToLowerInvariant()}";
        await DeployAsync(function, new Dictionary<string, string> { ["com.openfaas.queue"] = "repeats" });
        var key = $"{name}-{Guid.NewGuid():N}";

        using var first = await _gateway.PostAsync($"/async-function/{function}", "hi", [("X-Delay", "1h"), ("Idempotency-Key", key)]);
        using var second = await _gateway.PostAsync($"/async-function/{function}", "hi", [(name, value), ("Idempotency-Key", key)]);

        Assert.False(first.Headers.Contains("X-Duplicate"));
        Assert.Equal(["true"], second.Headers.GetValues("X-Duplicate"));
    }

    // They may be megabytes, and a caller waits.
    [Fact]
    public async Task The_first_delayed_call_of_a_gateway_is_accepted_without_reading_what_is_delayed_already()
    {
        await DeployAsync("early", new Dictionary<string, string> { ["com.openfaas.queue"] = "earlies" });
        await using var asked = await _stored.ListenAsync($"$JS.API.STREAM.INFO.{StreamNames.Aside("earlies")}");

        using var answer = await _gateway.PostAsync("/async-function/early", "hi", ("X-Delay", "1h"));

        Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
        var first = await asked.Msgs.ReadAsync().AsTask().WaitAsync(Eventually.Patience);
        Assert.DoesNotContain("subjects_filter", first.Data ?? "", StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("X-Delay", "8d")]
    [InlineData("X-Delay", "169h")]
    [InlineData("X-Not-Before", "soon")]
    public async Task A_time_that_is_none_or_too_far_is_400_and_names_the_header(string name, string value)
    {
        using var answer = await _gateway.PostAsync("/async-function/echo", "hi", (name, value));

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Contains(name, await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Delayed_calls_are_listed_page_by_page_counted_apart_and_purged_with_those_that_wait()
    {
        await DeployAsync("one", new Dictionary<string, string> { ["com.openfaas.queue"] = "pages" });
        await DeployAsync("two", new Dictionary<string, string> { ["com.openfaas.queue"] = "pages" });
        foreach (var (function, id) in new[] { ("one", "a"), ("two", "b"), ("one", "c"), ("two", "d") })
        {
            using var delayed = await _gateway.PostAsync($"/async-function/{function}", "12345", ("X-Not-Before", Tomorrow), ("X-Call-Id", id));
        }

        using var waiting = await _gateway.PostAsync("/async-function/one", "now");

        var first = await _gateway.SystemJsonAsync("queues/pages/delayed?limit=3");
        var rest = await _gateway.SystemJsonAsync($"queues/pages/delayed?after={first["next"]}");
        var ofTwo = await _gateway.SystemJsonAsync("queues/pages/delayed?function=two");
        Assert.Equal(["a", "b", "c"], first["items"]!.AsArray().Select(item => (string)item!["callId"]!));
        Assert.Equal(["d"], rest["items"]!.AsArray().Select(item => (string)item!["callId"]!));
        Assert.Null(rest["next"]);
        Assert.Equal(["b", "d"], ofTwo["items"]!.AsArray().Select(item => (string)item!["callId"]!));
        Assert.Equal(Tomorrow, (string)first["items"]![0]!["dueAt"]!);
        Assert.Equal(("one.openfaas-fn", 5), ((string)first["items"]![0]!["function"]!, (int)first["items"]![0]!["size"]!));

        var queue = await _gateway.SystemJsonAsync("queues/pages");
        Assert.Equal((1, 4), ((int)queue["calls"]!, (int)queue["delayed"]!));
        Assert.Equal([2, 2], queue["functions"]!.AsArray().Select(function => (int)function!["delayed"]!));

        Assert.Contains("2", await _gateway.SystemAsync(HttpMethod.Delete, "queues/pages/calls?function=two"), StringComparison.Ordinal);
        Assert.Contains("3", await _gateway.SystemAsync(HttpMethod.Delete, "queues/pages/calls"), StringComparison.Ordinal);
        Assert.Empty((await _gateway.SystemJsonAsync("queues/pages/delayed"))["items"]!.AsArray());
    }

    [Fact]
    public async Task An_operator_may_allow_less()
    {
        await using var gateway = await TestGateway.StartAsync(fixture.Nats, ("max_delay", "1m"));
        await gateway.DeployAsync("echo", "cat");

        using var near = await gateway.PostAsync("/async-function/echo", "hi", ("X-Delay", "60"));
        using var far = await gateway.PostAsync("/async-function/echo", "hi", ("X-Delay", "61"));

        Assert.Equal([HttpStatusCode.Accepted, HttpStatusCode.BadRequest], [near.StatusCode, far.StatusCode]);
    }

    private static string Tomorrow { get; } = TimeProvider.System.GetUtcNow().AddDays(1).UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", System.Globalization.CultureInfo.InvariantCulture);

    private Task DeployAsync(string name, Dictionary<string, string> annotations) => _gateway.DeployAsync(name, "cat", annotations);
}
