using System.Net;
using System.Text.Json;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;

namespace Connectors.Gateway.Tests;

/// <summary>What a remote provider answers slowly or oddly: its list of functions, and what it says of itself.</summary>
public sealed class FunctionListTests
{
    [Fact]
    public async Task A_provider_that_takes_the_question_and_never_answers_is_502()
    {
        await using var provider = RawServer.Start(request => Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, request.Stopping));
        await using var gateway = await TestGateway.StartUnreadyAsync(("functions_provider_url", provider.Url.AbsoluteUri), ("upstream_timeout", "1s"));

        var text = await gateway.SystemAsync(HttpMethod.Get, "overview/functions", expected: HttpStatusCode.BadGateway);

        Assert.Contains("provider", text, StringComparison.Ordinal);
    }

    // Each namespace at a time, and one of them alone, would take longer than until the next look.
    [Fact]
    public async Task A_list_that_takes_long_is_read_and_its_functions_are_known()
    {
        const int Namespaces = 100;
        await using var provider = await HttpLedger.StartAsync(async (request, http) =>
        {
            if (request.Path == "/system/namespaces")
            {
                await http.Response.WriteAsync($"[{string.Join(',', Enumerable.Range(0, Namespaces).Select(i => $"\"ns-{i}\""))}]");
            }
            else if (request.Path == "/system/functions")
            {
                var ns = http.Request.Query["namespace"].ToString();
                await Task.Delay(ns == "ns-50" ? TimeSpan.FromSeconds(5) : TimeSpan.FromMilliseconds(50), TimeProvider.System, http.RequestAborted);
                await http.Response.WriteAsync($$"""[{"name":"fn","namespace":"{{ns}}","replicas":1,"availableReplicas":1}]""");
            }
        });
        await using var gateway = await TestGateway.StartUnreadyAsync(("functions_provider_url", provider.Url.AbsoluteUri));

        await SampleAsync("""gateway_service_count{function_name="fn.ns-99"}""");
        using var answer = await gateway.PostAsync("/function/fn.ns-99", "");
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        await SampleAsync("""gateway_function_invocation_total{function_name="fn.ns-99",code="200"}""");
        Assert.InRange(provider.MostRunning, 2, 10);

        Task SampleAsync(string sample) => Eventually.HoldsAsync(async () => await gateway.Process.MetricAsync(sample) == 1, $"{sample} is 1");
    }

    [Fact]
    public async Task A_list_is_read_whatever_characters_its_content_type_names()
    {
        await using var provider = await HttpLedger.StartAsync((_, http) =>
        {
            http.Response.ContentType = "application/json; charset=none-such";
            return http.Response.WriteAsync("[{\"name\":\"there\"}]");
        });
        await using var gateway = await TestGateway.StartUnreadyAsync(("functions_provider_url", provider.Url.AbsoluteUri));

        Assert.Contains("\"name\":\"there\"", await gateway.SystemAsync(HttpMethod.Get, "functions"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_odd_entry_of_a_list_costs_its_function_or_a_text_of_it_alone_and_is_told_once()
    {
        string[] whole =
        [
            """{"name":"half","annotations":{"note":"\ud83d","topic":"t"},"replicas":1}""",
            """{"name":"half-key","annotations":{"\ud83d":"x"},"replicas":1}""",
            """{"name":"half-property","\ud83d":1,"replicas":1}""",
            """{"name":"number","annotations":{"note":5},"labels":{"l":[1],"m":null},"envVars":{"e":true},"replicas":1}""",
            """{"name":"no-map","labels":["l"],"annotations":"a","replicas":1}""",
            """{"name":"twice","name":"twice","annotations":{"a":"1","a":"2"},"replicas":1}""",
            """{"name":"negative","annotations":{"com.openfaas.queue":"q"},"replicas":-1,"availableReplicas":1}""",
            """{"name":"fraction","replicas":1.0}""",
            $"{{\"name\":\"deep\",\"x\":{new string('[', 100)}{new string(']', 100)}}}",
            """{"name":"good","namespace":"openfaas-fn","image":"i","replicas":2,"availableReplicas":2,"own":{"x":[1]}}""",
        ];
        string[] none =
        [
            """{"name":7}""",
            """{"name":"\ud83d"}""",
            """{"replicas":1}""",
            "null",
            "7",
            "[]",
        ];
        await using var provider = await HttpLedger.StartAsync((request, http) => http.Response.WriteAsync(request.Path switch
        {
            "/system/namespaces" => """[null,"openfaas-fn","\ud83d",7]""",
            "/system/functions" => $"[{string.Join(',', none.Concat(whole))}]",
            _ => "",
        }));
        await using var gateway = await TestGateway.StartUnreadyAsync(("functions_provider_url", provider.Url.AbsoluteUri));
        string[] names = ["half", "half-key", "half-property", "number", "no-map", "twice", "negative", "fraction", "deep", "good"];

        var told = await gateway.Process.Process.LineAsync(IsTold, "it is told");
        await Eventually.HoldsAsync(async () => await gateway.Process.MetricAsync("""gateway_service_count{function_name="good.openfaas-fn"}""") == 2, "the list was read");
        var known = (await gateway.SystemJsonAsync("overview/functions"))["items"]!.AsArray().Select(item => (string)item!["name"]!);
        using var listed = JsonDocument.Parse(await gateway.SystemAsync(HttpMethod.Get, "functions"));
        using var answer = await gateway.PostAsync("/function/good", "");

        Assert.Equal(names.Order(StringComparer.Ordinal), known);
        Assert.Equal(names, listed.RootElement.EnumerateArray().Select(function => function.GetProperty("name").GetString()));
        Assert.Equal("""{"topic":"t"}""", listed.RootElement[0].GetProperty("annotations").GetRawText());
        Assert.Equal("""{"m":null}""", listed.RootElement[3].GetProperty("labels").GetRawText());
        Assert.Equal(("""{"com.openfaas.queue":"q"}""", 1), (listed.RootElement[6].GetProperty("annotations").GetRawText(), listed.RootElement[6].GetProperty("availableReplicas").GetInt32()));
        Assert.False(listed.RootElement[6].TryGetProperty("replicas", out _));
        Assert.Equal("""{"x":[1]}""", listed.RootElement[9].GetProperty("own").GetRawText());
        Assert.Equal(0, listed.RootElement[9].GetProperty("invocationCount").GetDouble());
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        await Eventually.HoldsAsync(
            async () => await gateway.Process.MetricAsync("""gateway_function_invocation_total{function_name="good.openfaas-fn",code="200"}""") == 1, "the call is counted by its name");
        Assert.Contains("fraction: $.replicas cannot be read", told, StringComparison.Ordinal);

        await provider.ReceivesAsync(provider.Requests.Count(IsList) + 2, IsList);
        Assert.Single(gateway.Process.Log, IsTold);

        static bool IsTold(string line) => line.Contains("The provider lists what cannot be read", StringComparison.Ordinal);

        static bool IsList(RecordedRequest request) => request.Path == "/system/functions";
    }

    // Among a provider's namespaces none is a text: it has the default one.
    [Fact]
    public async Task A_provider_that_names_no_namespace_has_the_default_one()
    {
        await using var provider = await HttpLedger.StartAsync((request, http) =>
            http.Response.WriteAsync(request.Path == "/system/namespaces" ? "[null]" : """[{"name":"there"}]"""));
        await using var gateway = await TestGateway.StartUnreadyAsync(("functions_provider_url", provider.Url.AbsoluteUri));

        var page = await gateway.SystemJsonAsync("overview/functions");

        Assert.Equal("there.openfaas-fn", string.Join('.', page["items"]![0]!["name"], page["items"]![0]!["namespace"]));
    }

    [Theory]
    [InlineData("""{"provider":"p","provider":"p","orchestration":"o"}""")]
    [InlineData("""{"provider":{"provider":"p","orchestration":"o","note":"\ud83d","\ud83d":1,"more":{"a":1,"a":2}}}""")]
    [InlineData("""{"\ud83d":1,"orchestration":"o","provider":"p","version":null}""")]
    public async Task What_is_odd_in_what_a_provider_says_of_itself_costs_that_alone(string said)
    {
        await using var provider = await HttpLedger.StartAsync((request, http) => http.Response.WriteAsync(request.Path == "/system/info" ? said : "[]"));
        await using var gateway = await TestGateway.StartUnreadyAsync(("functions_provider_url", provider.Url.AbsoluteUri));

        using var info = JsonDocument.Parse(await gateway.SystemAsync(HttpMethod.Get, "info"));
        var told = info.RootElement.GetProperty("provider");

        Assert.Equal(("p", "o"), (told.GetProperty("provider").GetString(), told.GetProperty("orchestration").GetString()));
        Assert.Equal("unknown", told.GetProperty("version").GetProperty("release").GetString());
    }

    // The first as faasd tells it: ready replicas are named of a single function only.
    [Theory]
    [InlineData("""{"name":"figlet","namespace":"openfaas-fn","replicas":1,"availableReplicas":1}""", null)]
    [InlineData("""{"name":"figlet","namespace":"openfaas-fn","replicas":1}""", 0)]
    public async Task A_list_without_any_ready_replicas_is_told_from_one_that_never_names_them(string single, int? ready)
    {
        await using var provider = await HttpLedger.StartAsync((request, http) => http.Response.WriteAsync(request.Path switch
        {
            "/system/namespaces" => """["openfaas-fn"]""",
            "/system/functions" => """[{"name":"figlet","namespace":"openfaas-fn","replicas":1},{"name":"idle","namespace":"openfaas-fn"}]""",
            _ => single,
        }));
        await using var gateway = await TestGateway.StartUnreadyAsync(("functions_provider_url", provider.Url.AbsoluteUri));
        await Eventually.HoldsAsync(async () => await gateway.Process.MetricAsync("""gateway_service_min{function_name="idle.openfaas-fn"}""") == 1, "the list was read");

        var items = (await gateway.SystemJsonAsync("overview/functions"))["items"]!.AsArray();

        Assert.Equal(1, await gateway.Process.MetricAsync("""gateway_service_count{function_name="figlet.openfaas-fn"}"""));
        Assert.Equal((double?)ready, await gateway.Process.MetricAsync("""gateway_service_ready_count{function_name="figlet.openfaas-fn"}"""));
        Assert.Equal(0, await gateway.Process.MetricAsync("""gateway_service_ready_count{function_name="idle.openfaas-fn"}"""));
        Assert.Equal(["figlet", "idle"], items.Select(item => (string)item!["name"]!));
        Assert.Equal(ready, (int?)items[0]!["available"]);
        Assert.Equal(0, (int?)items[1]!["available"]);
    }

    [Fact]
    public async Task A_function_without_a_namespace_is_of_the_one_that_the_provider_was_asked_for()
    {
        await using var provider = await HttpLedger.StartAsync((request, http) => http.Response.WriteAsync(
            request.Path == "/system/namespaces" ? """["dev","prod"]""" : """[{"name":"there","namespace":"","replicas":1,"availableReplicas":1}]"""));
        await using var gateway = await TestGateway.StartUnreadyAsync(("functions_provider_url", provider.Url.AbsoluteUri));

        var page = await gateway.SystemJsonAsync("overview/functions");

        Assert.Equal(["there.dev", "there.prod"], page["items"]!.AsArray().Select(item => $"{item!["name"]}.{item["namespace"]}").Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_function_that_a_provider_lists_for_each_namespace_is_one()
    {
        await using var provider = await HttpLedger.StartAsync((request, http) => http.Response.WriteAsync(
            request.Path == "/system/namespaces" ? """["openfaas-fn","other"]""" : """[{"name":"there","namespace":"openfaas-fn","replicas":1,"availableReplicas":1}]"""));
        await using var gateway = await TestGateway.StartUnreadyAsync(("functions_provider_url", provider.Url.AbsoluteUri));

        var page = await gateway.SystemJsonAsync("overview/functions");

        Assert.Equal((1, 1), ((int)page["total"]!, page["items"]!.AsArray().Count));
    }

    [Theory]
    [InlineData(404)]
    [InlineData(405)]
    [InlineData(501)]
    public async Task A_provider_that_has_no_namespaces_has_the_default_one_however_it_says_so(int status)
    {
        await using var provider = await HttpLedger.StartAsync((request, http) =>
        {
            http.Response.StatusCode = request.Path == "/system/namespaces" ? status : StatusCodes.Status200OK;
            return http.Response.WriteAsync(request.Path == "/system/namespaces" ? "no such thing" : """[{"name":"there"}]""");
        });
        await using var gateway = await TestGateway.StartUnreadyAsync(("functions_provider_url", provider.Url.AbsoluteUri));

        var page = await gateway.SystemJsonAsync("overview/functions");

        Assert.Equal("there.openfaas-fn", string.Join('.', page["items"]![0]!["name"], page["items"]![0]!["namespace"]));
    }

    [Fact]
    public async Task A_provider_that_is_away_is_told_once_for_each_cause_and_by_the_age_of_the_list()
    {
        var isBroken = false;
        await using var provider = await HttpLedger.StartAsync((request, http) =>
        {
            http.Response.StatusCode = Volatile.Read(ref isBroken) && request.Path == "/system/namespaces" ? StatusCodes.Status500InternalServerError : StatusCodes.Status200OK;
            return http.Response.WriteAsync("[]");
        });
        await using var gateway = await TestGateway.StartUnreadyAsync(("functions_provider_url", provider.Url.AbsoluteUri));
        await Eventually.HoldsAsync(async () => await ListedAsync() > 0, "the list was read");

        Volatile.Write(ref isBroken, true);
        await gateway.Process.Process.LineAsync(line => IsTold(line, "answered 500"), "the first failure is told");
        var (last, asked) = (await ListedAsync(), provider.Requests.Count);
        await provider.ReceivesAsync(asked + 2);
        Assert.Equal(last, await ListedAsync());
        await provider.StopAsync();
        await gateway.Process.Process.LineAsync(line => IsTold(line, "refused"), "another cause is told");
        Volatile.Write(ref isBroken, false);
        await provider.StartAgainAsync();
        await gateway.Process.Process.LineAsync(line => line.Contains("Functions are listed again", StringComparison.Ordinal), "its end is told");

        Assert.True(await ListedAsync() > last);
        Assert.Single(gateway.Process.Log, line => IsTold(line, "answered 500"));

        Task<double?> ListedAsync() => gateway.Process.MetricAsync("gateway_functions_list_timestamp_seconds");

        static bool IsTold(string line, string cause) =>
            line.Contains("Functions could not be listed", StringComparison.Ordinal) && line.Contains(cause, StringComparison.Ordinal);
    }
}
