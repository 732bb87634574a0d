using Connectors.Sdk.Events;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Connectors.Sdk.Tests.Events;

public sealed class EventPumpTests : IAsyncLifetime
{
    private static readonly TimeSpan Soon = TimeSpan.FromMilliseconds(1);

    private readonly ScriptedSource _source = new();
    private GatewayServer _gateway = null!; // set before each test

    public async ValueTask InitializeAsync() => _gateway = await GatewayServer.StartAsync(ListedFunction.Wanting("orders", "a"));

    public ValueTask DisposeAsync() => _gateway.DisposeAsync();

    [Fact]
    public async Task An_event_goes_to_every_function_of_its_topic_in_parallel_and_has_one_end()
    {
        _gateway.Functions = [ListedFunction.Wanting("orders", "a"), ListedFunction.Wanting("orders,x", "b"), ListedFunction.Wanting("x", "c")];
        var both = new TaskCompletionSource();
        _gateway.Answer = (_, _) =>
        {
            if (_gateway.Calls.Count == 2)
            {
                both.TrySetResult();
            }

            return both.Task;
        };
        await using var connector = await StartAsync();

        _source.Give("1");

        await SettlesAsync("1 completed");
        Assert.Equal(["/function/a.openfaas-fn", "/function/b.openfaas-fn"], _gateway.Calls.Select(c => c.Path).Order());
        Assert.Single(_gateway.Calls.Select(c => c.CallId).Distinct());
        Assert.Single(_source.Settled);
    }

    [Fact]
    public async Task A_rerun_calls_only_the_functions_that_have_not_taken_the_event()
    {
        _gateway.Functions = [ListedFunction.Wanting("orders", "a"), ListedFunction.Wanting("orders", "b")];
        var failures = 2;
        _gateway.Answer = (request, http) =>
        {
            http.Response.StatusCode = request.Path.Contains("/b.", StringComparison.Ordinal) && failures-- > 0 ? 500 : 200;
            return Task.CompletedTask;
        };
        await using var connector = await StartAsync();

        _source.Give("1", onFail: (_, _) => Soon);

        await SettlesAsync("1 failed 500 1", "1 failed 500 2", "1 completed");
        Assert.Equal(["a", "b", "b", "b"], _gateway.Calls.Select(c => c.Path[10..11]).Order());
        Assert.Single(_gateway.Calls.Select(c => c.CallId).Distinct());
    }

    [Fact]
    public async Task A_rerun_goes_by_the_topic_map_of_its_time()
    {
        _gateway.Answer = (_, http) => Answer(http, 500);
        await using var connector = await StartAsync();

        _source.Give("1", onFail: (_, _) => TimeSpan.FromMilliseconds(10));
        await _gateway.ReceivesAsync(1);
        _gateway.Functions = [];

        await Eventually.HoldsAsync(() => _source.Settled.Contains("1 abandoned"), "an event that no function wants any more is given back");
    }

    [Fact]
    public async Task The_worst_outcome_is_told()
    {
        _gateway.Functions = [ListedFunction.Wanting("orders", "a"), ListedFunction.Wanting("orders", "b"), ListedFunction.Wanting("orders", "c")];
        _gateway.Answer = (request, http) => Answer(http, request.Path[10] switch { 'a' => 200, 'b' => 400, _ => 503 });
        await using var connector = await StartAsync();

        _source.Give("1");

        await SettlesAsync("1 failed 503 1");
    }

    [Fact]
    public async Task What_one_function_refuses_for_good_does_not_keep_the_event_from_one_that_takes_it_later()
    {
        _gateway.Functions = [ListedFunction.Wanting("orders", "a"), ListedFunction.Wanting("orders", "b")];
        var refusals = 1;
        _gateway.Answer = (request, http) => Answer(http, request.Path[10] == 'b' ? 501 : Interlocked.Decrement(ref refusals) >= 0 ? 429 : 200);
        await using var connector = await StartAsync();

        Give("1", RetryOptions.Defaults(5, Soon, Soon, BackOffKind.Equal));

        await SettlesAsync("1 failed 429 1", "1 failed 501 2");
        Assert.Equal(["a", "a", "b", "b"], _gateway.Calls.Select(c => c.Path[10..11]).Order());
        Assert.Equal(2, _source.Settled.Count);
    }

    [Fact]
    public async Task Which_outcomes_are_sent_again_is_for_a_registered_policy_to_say()
    {
        _gateway.Functions = [ListedFunction.Wanting("orders", "a"), ListedFunction.Wanting("orders", "b")];
        var refusals = 2;
        _gateway.Answer = (request, http) => Answer(http, request.Path[10] == 'b' ? 503 : Interlocked.Decrement(ref refusals) >= 0 ? 404 : 200);
        var policy = RetryOptions.Defaults(5, Soon, Soon, BackOffKind.Equal) with { Codes = new HashSet<int> { 404 } };
        await using var connector = await StartAsync(retry: policy);

        Give("1", policy);

        await SettlesAsync("1 failed 404 1", "1 failed 404 2", "1 failed 503 3");
        Assert.Equal(3, _source.Settled.Count);
    }

    [Theory]
    [InlineData(AckOn.Success, 500, "1 failed 500 1")]
    [InlineData(AckOn.Success, 302, "1 completed")]
    [InlineData(AckOn.Any, 500, "1 completed")]
    public async Task What_counts_as_taken_is_for_ack_on_to_say(AckOn ackOn, int status, string settled)
    {
        _gateway.Answer = (_, http) =>
        {
            http.Response.Headers["X-Start-Time"] = "1760000000000000000";
            return Answer(http, status);
        };
        await using var connector = await StartAsync(options => options with { AckOn = ackOn });

        _source.Give("1");

        await SettlesAsync(settled);
    }

    [Theory]
    [InlineData(true, null, 503, "1 failed 503 1")]
    [InlineData(true, null, 202, "1 completed")]
    [InlineData(false, true, 413, "1 failed 413 1")]
    [InlineData(true, false, 503, "1 completed")]
    public async Task With_ack_on_any_a_call_that_was_not_enqueued_is_not_taken(bool ofTheConnector, bool? ofTheEvent, int status, string settled)
    {
        _gateway.Answer = (_, http) => Answer(http, status);
        await using var connector = await StartAsync(options => options with { AckOn = AckOn.Any, Asynchronous = ofTheConnector });

        _source.Give("1", with: e => e with { Asynchronous = ofTheEvent });

        await SettlesAsync(settled);
        Assert.Single(_source.Settled);
    }

    // Such as of a provider that finds no connection to the function, which has not seen the event then.
    [Fact]
    public async Task With_ack_on_any_an_error_of_the_platforms_own_is_no_answer_of_the_function()
    {
        var errors = 1;
        _gateway.Answer = (_, http) =>
        {
            if (Interlocked.Decrement(ref errors) >= 0)
            {
                http.Response.Headers["X-OpenFaaS-Internal"] = "proxy";
            }

            return Answer(http, 500);
        };
        await using var connector = await StartAsync(options => options with { AckOn = AckOn.Any });

        Give("1", RetryOptions.Defaults(5, Soon, Soon, BackOffKind.Equal));

        await SettlesAsync("1 failed 500 1", "1 completed");
        Assert.Equal(2, _gateway.Calls.Count);
    }

    // What one function ends the event by must not keep it from another that has not run it.
    [Theory]
    [InlineData(504, "gateway", 502)]
    [InlineData(500, "faas-middleware", 429)]
    [InlineData(504, "proxy", 503)]
    public async Task What_did_not_run_is_told_before_what_ran_and_failed(int failed, string source, int unrun)
    {
        _gateway.Functions = [ListedFunction.Wanting("orders", "a"), ListedFunction.Wanting("orders", "b")];
        _gateway.Answer = (request, http) =>
        {
            if (request.Path[10] == 'b')
            {
                return Answer(http, failed);
            }

            http.Response.Headers["X-OpenFaaS-Internal"] = source;
            return Answer(http, unrun);
        };
        await using var connector = await StartAsync();

        _source.Give("1");

        await SettlesAsync($"1 failed {unrun} 1");
    }

    // Such as of a proxy before the gateway that wants a login.
    [Theory]
    [InlineData(AckOn.Success)]
    [InlineData(AckOn.Any)]
    public async Task A_redirect_that_no_gateway_made_is_not_taken(AckOn ackOn)
    {
        _gateway.Answer = (_, http) => Answer(http, 302);
        await using var connector = await StartAsync(options => options with { AckOn = ackOn });

        _source.Give("1");

        await SettlesAsync("1 failed 503 1");
    }

    [Fact]
    public async Task With_ack_on_any_no_answer_is_still_no_answer()
    {
        _gateway.Answer = (_, http) =>
        {
            http.Abort();
            return Task.CompletedTask;
        };
        await using var connector = await StartAsync(options => options with { AckOn = AckOn.Any });

        _source.Give("1");

        await SettlesAsync("1 failed 503 1");
    }

    [Fact]
    public async Task An_event_that_nobody_wants_is_given_back()
    {
        await using var connector = await StartAsync();

        _source.Give("1", topic: "unknown");

        await SettlesAsync("1 abandoned");
        Assert.Empty(_gateway.Calls);
    }

    [Fact]
    public async Task An_event_with_a_target_goes_there_and_nowhere_else()
    {
        await using var connector = await StartAsync();

        _source.Give("1", with: e => e with { Target = new FunctionName("z", "dev"), Asynchronous = true });

        await SettlesAsync("1 completed");
        Assert.Equal("/async-function/z.dev", Assert.Single(_gateway.Calls).Path);
    }

    [Fact]
    public async Task No_more_run_at_once_than_there_are_slots_and_the_source_is_asked_only_while_one_is_free()
    {
        var release = new TaskCompletionSource();
        _gateway.Answer = (_, _) => release.Task;
        await using var connector = await StartAsync(options => options with { MaxInflight = 3 });
        for (var i = 0; i < 10; i++)
        {
            _source.Give($"{i}");
        }

        await _gateway.ReceivesAsync(3);
        Assert.Equal([3, 2, 1], _source.FreeWhenAsked);
        release.SetResult();

        await Eventually.HoldsAsync(() => _source.Settled.Count == 10, "all are done");
        Assert.All(_source.FreeWhenAsked, free => Assert.InRange(free, 1, 3));
    }

    [Fact]
    public async Task Events_of_one_key_run_one_after_another_while_other_keys_go_on()
    {
        var release = new TaskCompletionSource();
        _gateway.Answer = (request, _) => Id(request) == "k1" ? release.Task : Task.CompletedTask;
        await using var connector = await StartAsync();

        foreach (var (id, key) in new[] { ("k1", "k"), ("k2", "k"), ("k3", "k"), ("l1", "l"), ("l2", "l"), ("none", (string?)null) })
        {
            _source.Give(id, key: key);
        }

        await SettlesAsync("l1 completed", "l2 completed", "none completed");
        Assert.DoesNotContain(_gateway.Calls, call => Id(call) is "k2" or "k3");
        release.SetResult();
        await SettlesAsync("k1 completed", "k2 completed", "k3 completed");
        Assert.Equal(["k1", "k2", "k3"], _gateway.Calls.Select(Id).Where(id => id.StartsWith('k')));
    }

    [Fact]
    public async Task A_rerun_keeps_its_key()
    {
        var failures = 3;
        _gateway.Answer = (request, http) => Answer(http, Id(request) == "1" && Interlocked.Decrement(ref failures) >= 0 ? 500 : 200);
        await using var connector = await StartAsync();

        _source.Give("1", key: "k", onFail: (_, _) => Soon);
        _source.Give("2", key: "k");

        await SettlesAsync("2 completed");
        Assert.Equal(["1", "1", "1", "1", "2"], _gateway.Calls.Select(Id));
    }

    [Fact]
    public async Task What_settling_throws_ends_neither_the_pump_nor_the_key()
    {
        await using var connector = await StartAsync(options => options with { MaxInflight = 1 });

        _source.Give("unsettleable", key: "k");
        _gateway.Answer = (request, http) => Answer(http, Id(request) == "odd" ? 500 : 200);
        _source.Give("odd", key: "k", onFail: (_, _) => throw new InvalidOperationException("no such receipt"));
        _source.Give("2", key: "k");

        await SettlesAsync("2 completed");
    }

    [Fact]
    public async Task A_source_that_throws_or_ends_is_read_anew()
    {
        await using var connector = await StartAsync();

        _source.Give("1");
        _source.Do(() => throw new InvalidOperationException("connection reset"));
        _source.Give("2");

        await SettlesAsync("1 completed", "2 completed");
        Assert.Equal(2, _source.Readings);
        _source.End();
        await Eventually.HoldsAsync(() => _source.Readings > 3, "it is tried again and again");
    }

    [Fact]
    public async Task A_source_that_is_badly_configured_stops_the_process()
    {
        await using var connector = await StartAsync();

        _source.Do(() => throw new ConfigurationException("no such topic"));

        var lifetime = connector.Services.GetRequiredService<Microsoft.Extensions.Hosting.IHostApplicationLifetime>();
        await Eventually.HoldsAsync(() => lifetime.ApplicationStopping.IsCancellationRequested, "the host stops");
    }

    [Fact]
    public async Task A_source_that_is_badly_configured_stops_the_process_though_an_event_waits_for_its_rerun()
    {
        _gateway.Answer = (_, http) => Answer(http, 500);
        await using var connector = await StartAsync();
        _source.Give("1", onFail: (_, _) => TimeSpan.FromHours(1));
        await SettlesAsync("1 failed 500 1");

        _source.Do(() => throw new ConfigurationException("no such topic"));

        var lifetime = connector.Services.GetRequiredService<Microsoft.Extensions.Hosting.IHostApplicationLifetime>();
        await Eventually.HoldsAsync(() => lifetime.ApplicationStopping.IsCancellationRequested, "the host stops");
        Assert.Equal(["1 failed 500 1", "1 abandoned"], _source.Settled);
    }

    [Fact]
    public async Task Withdrawn_while_it_runs_it_is_given_up_and_abandoned()
    {
        using var withdrawn = new CancellationTokenSource();
        _gateway.Answer = (_, http) => Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, http.RequestAborted);
        await using var connector = await StartAsync();

        _source.Give("1", withdrawn: withdrawn.Token);
        await _gateway.ReceivesAsync(1);
        await withdrawn.CancelAsync();

        await SettlesAsync("1 abandoned");
        Assert.Single(_source.Settled);
    }

    [Fact]
    public async Task Withdrawn_while_it_waits_for_its_rerun_it_is_abandoned_and_its_key_goes_on()
    {
        using var withdrawn = new CancellationTokenSource();
        _gateway.Answer = (request, http) => Answer(http, Id(request) == "1" ? 500 : 200);
        await using var connector = await StartAsync();

        _source.Give("1", key: "k", withdrawn: withdrawn.Token, onFail: (_, _) => TimeSpan.FromHours(1));
        _source.Give("2", key: "k");
        await SettlesAsync("1 failed 500 1");
        await withdrawn.CancelAsync();

        await SettlesAsync("1 failed 500 1", "1 abandoned", "2 completed");
    }

    [Fact]
    public async Task On_stop_a_rerun_is_not_waited_for()
    {
        _gateway.Answer = (_, http) => Answer(http, 500);
        await using var connector = await StartAsync();

        _source.Give("1", onFail: (_, _) => TimeSpan.FromHours(1));
        await SettlesAsync("1 failed 500 1");
        await connector.StopAsync();

        Assert.Equal(["1 failed 500 1", "1 abandoned"], _source.Settled);
    }

    [Fact]
    public async Task While_what_runs_comes_to_its_end_metrics_are_served()
    {
        var release = new TaskCompletionSource();
        _gateway.Answer = (_, _) => release.Task;
        await using var connector = await StartAsync();
        _source.Give("1");
        await _gateway.ReceivesAsync(1);

        var stopping = connector.StopAsync();
        await connector.SaysAsync("Draining");
        Assert.NotNull(await connector.MetricAsync("connector_inflight_events"));

        release.SetResult();
        await stopping;
        Assert.Equal(["1 completed"], _source.Settled);
    }

    [Fact]
    public async Task Nothing_is_read_before_the_topic_map_is_known()
    {
        _gateway.SystemStatus = 500;
        await using var connector = await StartAsync();
        _source.Give("1");
        await Eventually.HoldsAsync(() => _gateway.Requests.Count > 3, "the gateway is asked in vain");
        Assert.Equal(0, _source.Readings);

        _gateway.SystemStatus = null;

        await SettlesAsync("1 completed");
        Assert.Single(_gateway.Calls);
    }

    [Fact]
    public async Task Events_flow_while_a_map_of_ten_thousand_functions_is_rebuilt()
    {
        _gateway.Functions = [.. Enumerable.Range(0, 10_000).Select(i => ListedFunction.Wanting($"topic-{i}", $"fn-{i}"))];
        await using var connector = await StartAsync(options => options with { RebuildInterval = TimeSpan.FromMilliseconds(10) });

        var given = 0;
        await Eventually.HoldsAsync(
            () =>
            {
                _source.Give($"{given}", topic: $"topic-{given++ % 10_000}");
                return _gateway.Polls.Count >= 5;
            },
            "the map is rebuilt some times");

        await Eventually.HoldsAsync(() => _source.Settled.Count == given, "all are settled");
        Assert.All(_source.Settled, settled => Assert.EndsWith("completed", settled, StringComparison.Ordinal));
        Assert.Equal(given, _gateway.Calls.Count);
    }

    [Fact]
    public async Task An_event_of_which_no_request_can_be_made_fails_like_any_other()
    {
        await using var connector = await StartAsync();

        _source.Give("1", with: e => e with { Target = new FunctionName(new string('x', 100_000), "ns") });
        _source.Give("2");

        await SettlesAsync("2 completed");
        await Eventually.HoldsAsync(() => _source.Settled.Any(s => s.StartsWith("1 failed", StringComparison.Ordinal)), "the other one failed");
    }

    private static string Id(RecordedRequest request) => request.Header("Idempotency-Key") ?? "";

    private static Task Answer(HttpContext http, int status)
    {
        http.Response.StatusCode = status;
        return Task.CompletedTask;
    }

    // Run again as a source with a policy does it.
    private void Give(string id, RetryPolicy policy) =>
        _source.Give(id, onFail: (outcome, attempt) => policy.Decide(outcome, attempt, new Random(1)) is { Kind: VerdictKind.Retry } verdict ? verdict.After : null);

    private Task<RunningConnector> StartAsync(Func<ConnectorOptions, ConnectorOptions>? with = null, RetryPolicy? retry = null)
    {
        var options = RunningConnector.Options(_gateway.Url);
        return RunningConnector.StartAsync(builder =>
        {
            if (retry is not null)
            {
                builder.Services.AddSingleton(retry);
            }

            builder.AddConnector<ScriptedSource>(with?.Invoke(options) ?? options);
            builder.Services.AddSingleton<IEventSource>(_source);
        });
    }

    private Task SettlesAsync(params string[] settled) => Eventually.HoldsAsync(
        () => !settled.Except(_source.Settled).Any(),
        $"settled {string.Join(", ", settled)}; so far {string.Join(", ", _source.Settled)}");
}
