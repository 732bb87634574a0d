using System.Net;
using System.Text.Json.Nodes;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;

namespace Connectors.Gateway.Tests;

/// <summary>A remote provider whose functions have no replicas until they are asked for.</summary>
public sealed class ScaleFromZeroTests
{
    [Fact]
    public async Task Callers_of_a_sleeping_function_share_one_request_for_replicas()
    {
        var replicas = 0;
        await using var provider = await HttpLedger.StartAsync(async (request, http) =>
        {
            if (request.Path.StartsWith("/system/scale-function/", StringComparison.Ordinal))
            {
                replicas = (int)JsonNode.Parse(request.Text)!["replicas"]!;
                http.Response.StatusCode = 202;
            }
            else if (request.Path == "/system/function/sleepy")
            {
                await http.Response.WriteAsync($$"""{"name":"sleepy","image":"x","labels":{"com.openfaas.scale.min":"2"},"replicas":{{replicas}},"availableReplicas":{{replicas}}}""");
            }
            else if (request.Path.StartsWith("/system/", StringComparison.Ordinal))
            {
                await http.Response.WriteAsync("[]");
            }
            else
            {
                http.Response.StatusCode = replicas > 0 ? 200 : 503;
            }
        });
        await using var gateway = await StartAsync(provider.Url);

        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => gateway.PostAsync("/function/sleepy", "hi")));

        Assert.All(answers, answer => Assert.Equal(HttpStatusCode.OK, answer.StatusCode));
        var scaled = Assert.Single(provider.Requests, r => r.Path == "/system/scale-function/sleepy");
        Assert.Equal("namespace=openfaas-fn", scaled.Query);
        Assert.Equal(2, replicas);
        Assert.Equal(TestGateway.Admin, scaled.Header("Authorization"));
    }

    [Fact]
    public async Task What_was_found_after_the_last_caller_left_is_not_handed_to_the_next_one()
    {
        var (isGone, available, refusals) = (false, 0, 0);
        await using var provider = await HttpLedger.StartAsync(async (request, http) =>
        {
            if (request.Path == "/system/function/slow")
            {
                http.Response.StatusCode = isGone ? 404 : 200;
                refusals += isGone ? 1 : 0;
                await http.Response.WriteAsync($$"""{"name":"slow","image":"x","replicas":1,"availableReplicas":{{available}}}""");
            }
            else if (request.Path == "/system/function/awake")
            {
                await http.Response.WriteAsync("""{"name":"awake","image":"x","replicas":1,"availableReplicas":1}""");
            }
            else if (request.Path.StartsWith("/system/", StringComparison.Ordinal))
            {
                await http.Response.WriteAsync("[]");
            }
        });
        await using var gateway = await StartAsync(provider.Url);

        // A refusal is counted before it is sent: on a busy machine the wait may end so late that the next caller shares it, but not each time.
        const int tries = 5;
        var status = HttpStatusCode.InternalServerError;
        for (var again = 0; again < tries && status != HttpStatusCode.OK; again++)
        {
            (isGone, available) = (false, 0);
            Volatile.Write(ref refusals, 0);
            using var left = await gateway.PostAsync("/function/slow", "hi", ("X-Timeout", "300ms"));
            isGone = true;
            await Eventually.HoldsAsync(() => Volatile.Read(ref refusals) > 0, "the wait ends");
            for (var i = 0; i < 3; i++)
            {
                using var other = await gateway.PostAsync("/function/awake", "hi");
                Assert.Equal(HttpStatusCode.OK, other.StatusCode);
            }

            (isGone, available) = (false, 1);
            using var next = await gateway.PostAsync("/function/slow", "hi");

            Assert.Equal(HttpStatusCode.BadGateway, left.StatusCode);
            status = next.StatusCode;
        }

        Assert.Equal(HttpStatusCode.OK, status);
    }

    [Fact]
    public async Task A_function_that_is_missing_is_404_and_a_provider_that_is_away_502()
    {
        await using var provider = await HttpLedger.StartAsync((_, http) =>
        {
            http.Response.StatusCode = 404;
            return Task.CompletedTask;
        });
        await using var gateway = await StartAsync(provider.Url);

        using var missing = await gateway.PostAsync("/function/nobody", "hi");
        await provider.StopAsync();
        using var away = await gateway.PostAsync("/function/nobody", "hi");
        var list = await gateway.SystemAsync(HttpMethod.Get, "functions", null, HttpStatusCode.BadGateway);

        Assert.Equal(HttpStatusCode.NotFound, missing.StatusCode);
        Assert.StartsWith("error finding function nobody.openfaas-fn: ", await missing.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.False(missing.Headers.Contains("X-OpenFaaS-Internal"));
        Assert.Equal(HttpStatusCode.BadGateway, away.StatusCode);
        Assert.Equal("gateway", away.Headers.GetValues("X-OpenFaaS-Internal").Single());
        Assert.Equal("The provider cannot be reached.", list);
    }

    [Fact]
    public async Task A_function_that_cannot_be_started_is_500_and_no_answer_of_its_own()
    {
        await using var provider = await HttpLedger.StartAsync((request, http) =>
        {
            http.Response.StatusCode = HttpMethods.IsPost(request.Method) ? 500 : 200;
            return http.Response.WriteAsync(request.Path == "/system/function/sleepy" ? "{\"name\":\"sleepy\",\"replicas\":0}" : "[]");
        });
        await using var gateway = await StartAsync(provider.Url);

        using var answer = await gateway.PostAsync("/function/sleepy", "hi");

        Assert.Equal((HttpStatusCode.InternalServerError, "proxy"), (answer.StatusCode, answer.Headers.GetValues("X-OpenFaaS-Internal").Single()));
        Assert.StartsWith("error finding function sleepy.openfaas-fn: ", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    // As a provider does that serves one namespace. A name that is too long for a subject is none, whoever is asked.
    [Theory]
    [InlineData(400, "typo.other", 404)]
    [InlineData(422, "typo.other", 404)]
    [InlineData(401, "unknown", 202)]
    [InlineData(500, "unknown", 202)]
    [InlineData(500, "200", 202)]
    [InlineData(500, "201", 404)]
    [InlineData(500, "5000", 404)]
    public async Task What_a_provider_refuses_to_look_up_is_missing_and_what_it_cannot_say_is_accepted(int status, string name, int expected)
    {
        await using var nats = await NatsServer.StartAsync();
        await using var provider = await HttpLedger.StartAsync((_, http) =>
        {
            http.Response.StatusCode = status;
            return Task.CompletedTask;
        });
        await using var gateway = await TestGateway.StartAsync(nats, ("functions_provider_url", provider.Url.AbsoluteUri), ("basic_auth", "true"));

        if (expected == 404)
        {
            // A provider that is slow to refuse may be taken to be away.
            await Eventually.HoldsAsync(async () => await AskAsync() == expected, "a missing function is told");
        }
        else
        {
            Assert.Equal(expected, await AskAsync());
        }

        Assert.True(await gateway.Process.MetricAsync("gateway_nats_reconnect_total") is null or 0);

        async Task<int> AskAsync()
        {
            using var answer = await gateway.PostAsync($"/async-function/{(int.TryParse(name, out var length) ? new string('a', length) + ".other" : name)}", "hi");
            return (int)answer.StatusCode;
        }
    }

    [Fact]
    public async Task While_the_provider_is_away_calls_are_accepted_and_only_then_a_missing_function_too()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var provider = await HttpLedger.StartAsync((_, http) =>
        {
            http.Response.StatusCode = 404;
            return Task.CompletedTask;
        });
        await using var gateway = await TestGateway.StartAsync(nats, ("functions_provider_url", provider.Url.AbsoluteUri), ("basic_auth", "true"));

        await Eventually.HoldsAsync(
            async () =>
            {
                using var missing = await gateway.PostAsync("/async-function/nobody", "hi");
                return missing.StatusCode == HttpStatusCode.NotFound;
            },
            "a missing function is told");
        await provider.StopAsync();
        using var away = await gateway.PostAsync("/async-function/nobody", "hi");

        Assert.Equal(HttpStatusCode.Accepted, away.StatusCode);
    }

    [Theory]
    [InlineData("application/json")]
    [InlineData("application/json; charset=none-such")]
    public async Task A_provider_that_dies_in_the_middle_of_an_answer_is_one_that_is_away(string type)
    {
        await using var nats = await NatsServer.StartAsync();
        await using var provider = RawServer.Start(_ => new RawAnswer($"HTTP/1.1 200 OK\r\nContent-Type: {type}\r\nContent-Length: 100\r\n\r\n{{\"name\": \"", After.Close));
        await using var gateway = await TestGateway.StartAsync(nats, ("functions_provider_url", provider.Url.AbsoluteUri), ("basic_auth", "true"));

        using var answer = await gateway.PostAsync("/async-function/somebody", "hi");

        Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
    }

    private static Task<TestGateway> StartAsync(Uri provider) =>
        TestGateway.StartAsync(null, ("functions_provider_url", provider.AbsoluteUri), ("basic_auth", "true"), ("scale_from_zero", "true"));
}
