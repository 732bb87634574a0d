using Connectors.Sdk.Hosting;
using Connectors.Sdk.Topics;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;

namespace Connectors.Sdk.Tests.Topics;

public sealed class TopicMapRefresherTests : IAsyncLifetime
{
    private readonly LatestTopicMap _latest = new();
    private readonly Readiness _readiness = new();
    private readonly string _secrets = Directory.CreateTempSubdirectory("secrets-").FullName;
    private GatewayServer _gateway = null!; // set before each test

    public async ValueTask InitializeAsync() => _gateway = await GatewayServer.StartAsync();

    public async ValueTask DisposeAsync()
    {
        await _gateway.DisposeAsync();
        Directory.Delete(_secrets, recursive: true);
    }

    [Fact]
    public async Task The_first_map_comes_at_start_from_all_namespaces_and_makes_ready()
    {
        _gateway.Functions =
        [
            ListedFunction.Wanting("orders", "a"), new("b", "dev", new Dictionary<string, string> { ["topic"] = "orders" }),
            new("c", "dev", null), new("d", "staging-fn", new Dictionary<string, string>()),
        ];

        await using var running = await RefreshAsync(options => options with { RebuildInterval = TimeSpan.FromHours(1) });

        var map = await _latest.FirstAsync(CancellationToken.None);
        Assert.Equal(["a.openfaas-fn", "b.dev"], map.Match("orders").Select(f => f.ToString()).Order());
        await Eventually.HoldsAsync(() => _readiness.Unmet.Count == 0, "ready");
        Assert.Equal(["namespace=dev", "namespace=openfaas-fn", "namespace=staging-fn"], _gateway.Polls.Select(p => p.Query).Order());
    }

    [Fact]
    public async Task Functions_of_other_namespaces_than_those_wanted_are_neither_asked_for_nor_called()
    {
        _gateway.Functions = [ListedFunction.Wanting("orders", "a"), new("b", "dev", new Dictionary<string, string> { ["topic"] = "orders" })];

        await using var running = await RefreshAsync(options => options with { Namespaces = ["dev", "absent"] });

        Assert.Equal("b.dev", Assert.Single((await _latest.FirstAsync(CancellationToken.None)).Match("orders")).ToString());
        Assert.Equal(["namespace=absent", "namespace=dev"], _gateway.Requests.Select(r => r.Query).Distinct().Order());
    }

    // To whoever reads as Go does, a namespace that is empty is none: the function is of the one that was asked for.
    [Theory]
    [InlineData("\"namespace\":\"\",")]
    [InlineData("\"namespace\":null,")]
    [InlineData("")]
    public async Task A_function_without_a_namespace_is_of_the_one_that_was_asked_for(string own)
    {
        await using var gateway = await HttpLedger.StartAsync((_, http) => http.Response.WriteAsync($$$"""[{"name":"b",{{{own}}}"annotations":{"topic":"orders"}}]"""));

        await using var running = await RefreshAsync(options => options with { GatewayUrl = gateway.Url, Namespaces = ["dev"] });

        Assert.Equal("b.dev", Assert.Single((await _latest.FirstAsync(CancellationToken.None)).Match("orders")).ToString());
    }

    [Fact]
    public async Task A_gateway_without_namespaces_is_asked_once_without_one()
    {
        _gateway.Functions = [new("a", "", new Dictionary<string, string> { ["topic"] = "orders" })];

        await using var running = await RefreshAsync();

        Assert.Equal("a", Assert.Single((await _latest.FirstAsync(CancellationToken.None)).Match("orders")).ToString());
        Assert.All(_gateway.Polls, poll => Assert.Equal("", poll.Query));
    }

    [Fact]
    public async Task Changes_take_effect_at_the_next_rebuild()
    {
        await using var running = await RefreshAsync();
        await _latest.FirstAsync(CancellationToken.None);

        _gateway.Functions = [ListedFunction.Wanting("orders", "a")];
        await Eventually.HoldsAsync(() => _latest.Value.Match("orders").Count == 1, "the new function is there");
        _gateway.Functions = [];

        await Eventually.HoldsAsync(() => _latest.Value.Match("orders").Count == 0, "the removed function is gone");
    }

    [Fact]
    public async Task While_the_gateway_is_away_the_last_map_stays()
    {
        _gateway.Functions = [ListedFunction.Wanting("orders", "a")];
        await using var running = await RefreshAsync();
        var before = await _latest.FirstAsync(CancellationToken.None);
        var failed = await FailedAsync();

        await _gateway.StopAsync();
        await Eventually.HoldsAsync(async () => await FailedAsync() > failed + 1, "failed polls are counted");

        Assert.Single(_latest.Value.Match("orders"));
        Assert.Empty(_readiness.Unmet);
        _gateway.Functions = [];
        await _gateway.StartAgainAsync();
        await Eventually.HoldsAsync(() => _latest.Value.Match("orders").Count == 0, "it goes on once the gateway is back");
        Assert.NotSame(before, _latest.Value);
    }

    [Theory]
    [InlineData(500)]
    [InlineData(401)]
    [InlineData(302)]
    [InlineData(204)]
    public async Task An_answer_other_than_200_is_no_map(int status)
    {
        _gateway.SystemStatus = status;
        await using var running = await RefreshAsync();
        var failed = await FailedAsync();

        await Eventually.HoldsAsync(async () => await FailedAsync() > failed, "the poll failed");

        Assert.Equal(["topic map: not yet"], _readiness.Unmet);
        _gateway.SystemStatus = null;
        await _latest.FirstAsync(CancellationToken.None).WaitAsync(Eventually.Patience);
    }

    [Fact]
    public async Task Basic_auth_is_sent_when_asked_for_and_a_rotated_password_is_taken_up()
    {
        _gateway.Credentials = "admin:first";
        await File.WriteAllTextAsync(Path.Combine(_secrets, "basic-auth-user"), "admin");
        await File.WriteAllTextAsync(Path.Combine(_secrets, "basic-auth-password"), "first");
        await using var running = await RefreshAsync(options => options with { BasicAuth = true });
        await _latest.FirstAsync(CancellationToken.None).WaitAsync(Eventually.Patience);

        _gateway.Credentials = "admin:other one";
        await File.WriteAllTextAsync(Path.Combine(_secrets, "basic-auth-password"), "other one");

        var map = _latest.Value;
        await Eventually.HoldsAsync(() => _latest.Value != map, "a map with the new password");
    }

    [Fact]
    public async Task An_odd_function_is_left_out_and_keeps_no_other_from_being_known()
    {
        const string list = """
            [null, 5, "x", [], {}, {"name":null}, {"name":5}, {"name":""}, {"name":"a/b","annotations":{"topic":"orders"}}, {"name":"ns","namespace":"a b"},
             {"name":"c","annotations":{"topic":null}}, {"name":"d","annotations":{"topic":["orders"],"topic":7}}, {"name":"e","annotations":"topic"},
             {"name":"innocent","namespace":null,"annotations":{"schedule":1,"topic":"orders"}}]
            """;
        await using var gateway = await HttpLedger.StartAsync((request, http) =>
        {
            http.Response.StatusCode = request.Path == "/system/functions" ? 200 : 404;
            return http.Response.WriteAsync(http.Response.StatusCode == 200 ? list : "");
        });

        await using var running = await RefreshAsync(options => options with { GatewayUrl = gateway.Url, RebuildInterval = TimeSpan.FromMilliseconds(50) });

        var map = await _latest.FirstAsync(CancellationToken.None).WaitAsync(Eventually.Patience);
        Assert.Equal("innocent", Assert.Single(map.Match("orders")).ToString());

        // Maps of other tests are counted by the same gauge.
        await Eventually.HoldsAsync(async () => await SampleAsync("connector_topic_map_left_out") == "10", "those left out are counted");
    }

    [Fact]
    public async Task Half_a_character_leaves_out_what_it_stands_in_and_nothing_else()
    {
        const string list = """
            [{"name":"a\ud83d","annotations":{"topic":"orders"}}, {"name":"b","namespace":"\udc00","annotations":{"topic":"orders"}},
             {"name":"c","annotations":{"topic":"\ud83d"}}, {"name":"d","annotations":{"note":"\ud83d","\udc00":"x","topic":"orders"}},
             {"name":"e","annotations":{"topic":"orders"}}]
            """;
        await using var gateway = await HttpLedger.StartAsync((request, http) =>
        {
            http.Response.StatusCode = request.Path == "/system/functions" ? 200 : 404;
            return http.Response.WriteAsync(http.Response.StatusCode == 200 ? list : "");
        });

        await using var running = await RefreshAsync(options => options with { GatewayUrl = gateway.Url });

        var map = await _latest.FirstAsync(CancellationToken.None).WaitAsync(Eventually.Patience);
        Assert.Equal(["d", "e"], map.Functions.Select(f => f.Name.ToString()).Order());
    }

    // Where no name is one, the provider has the one without a name.
    [Theory]
    [InlineData("""["dev",7,null,"\ud83d",["x"],{"name":"y"},true]""", "a.dev", 6)]
    [InlineData("""[7,"\ud83d"]""", "a", 2)]
    [InlineData("[]", "a", 0)]
    [InlineData("null", "a", 0)]
    public async Task A_namespace_that_is_no_text_is_left_out_and_keeps_no_other_from_being_known(string namespaces, string function, int leftOut)
    {
        await using var gateway = await HttpLedger.StartAsync((request, http) =>
            http.Response.WriteAsync(request.Path == "/system/namespaces" ? namespaces : """[{"name":"a","annotations":{"topic":"orders"}}]"""));

        await using var running = await RefreshAsync(options => options with { GatewayUrl = gateway.Url, RebuildInterval = TimeSpan.FromMilliseconds(50) });

        var map = await _latest.FirstAsync(CancellationToken.None).WaitAsync(Eventually.Patience);
        Assert.Equal(function, Assert.Single(map.Match("orders")).ToString());

        // Maps of other tests are counted by the same gauge.
        await Eventually.HoldsAsync(async () => await SampleAsync("connector_topic_map_left_out") == $"{leftOut}", "those left out are counted");
    }

    [Fact]
    public async Task Lists_are_read_whatever_characters_their_content_type_names()
    {
        await using var gateway = await HttpLedger.StartAsync((request, http) =>
        {
            http.Response.ContentType = "application/json; charset=none-such";
            return http.Response.WriteAsync(request.Path == "/system/namespaces" ? "[\"dev\"]" : "[{\"name\":\"a\",\"namespace\":\"dev\",\"annotations\":{\"topic\":\"orders\"}}]");
        });

        await using var running = await RefreshAsync(options => options with { GatewayUrl = gateway.Url });

        var map = await _latest.FirstAsync(CancellationToken.None).WaitAsync(Eventually.Patience);
        Assert.Equal("a.dev", Assert.Single(map.Match("orders")).ToString());
    }

    [Fact]
    public async Task Of_many_namespaces_eight_are_asked_for_at_once_and_their_functions_are_in_the_order_of_these()
    {
        var names = Enumerable.Range(0, 20).Select(i => $"ns-{i:D2}").ToList();
        var eight = new TaskCompletionSource();
        var asked = 0;
        await using var gateway = await HttpLedger.StartAsync(async (request, http) =>
        {
            if (request.Path == "/system/namespaces")
            {
                await http.Response.WriteAsJsonAsync(names);
                return;
            }

            if (Interlocked.Increment(ref asked) == 8)
            {
                eight.SetResult();
            }

            await eight.Task.WaitAsync(http.RequestAborted);
            await http.Response.WriteAsJsonAsync(new[] { new { name = "a", annotations = new Dictionary<string, string> { ["topic"] = "orders" } } });
        });

        await using var running = await RefreshAsync(options => options with { GatewayUrl = gateway.Url, RebuildInterval = TimeSpan.FromHours(1), RebuildTimeout = TimeSpan.FromMinutes(10) });

        var map = await _latest.FirstAsync(CancellationToken.None).WaitAsync(Eventually.Patience);
        Assert.Equal(names.Select(ns => $"a.{ns}"), map.Functions.Select(f => f.Name.ToString()));
        Assert.Equal(8, gateway.MostRunning);
    }

    [Fact]
    public async Task Ten_thousand_functions_are_one_map()
    {
        _gateway.Functions = [.. Enumerable.Range(0, 10_000).Select(i => ListedFunction.Wanting($"topic-{i},all", $"fn-{i}"))];

        await using var running = await RefreshAsync();

        var map = await _latest.FirstAsync(CancellationToken.None).WaitAsync(Eventually.Patience);
        Assert.Equal(10_000, map.Match("all").Count);
        Assert.Equal("fn-9999.openfaas-fn", Assert.Single(map.Match("topic-9999")).ToString());
    }

    private static async Task<double> FailedAsync() => double.Parse(await SampleAsync("connector_topic_map_rebuilds_total{result=\"failed\"}") ?? "0");

    private static async Task<string?> SampleAsync(string sample)
    {
        using var text = new MemoryStream();
        await Prometheus.Metrics.DefaultRegistry.CollectAndExportAsTextAsync(text);
        return System.Text.Encoding.UTF8.GetString(text.ToArray()).Split('\n').FirstOrDefault(l => l.StartsWith(sample + " ", StringComparison.Ordinal))?.Split(' ')[1];
    }

    private async Task<Running> RefreshAsync(Func<ConnectorOptions, ConnectorOptions>? with = null)
    {
        var options = RunningConnector.Options(_gateway.Url);
        options = with?.Invoke(options) ?? options;
        var catalog = new FunctionCatalog(options, new GatewayCredentials(_secrets));
        var refresher = new TopicMapRefresher(catalog, _latest, options, _readiness, TimeProvider.System, NullLogger<TopicMapRefresher>.Instance);
        var stop = new CancellationTokenSource();
        return new Running(refresher.RunAsync(stop.Token), stop, catalog);
    }

    private sealed record Running(Task Duty, CancellationTokenSource Stop, FunctionCatalog Catalog) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await Stop.CancelAsync();
            await Duty.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            Stop.Dispose();
            Catalog.Dispose();
        }
    }
}
