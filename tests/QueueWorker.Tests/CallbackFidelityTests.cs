using Connectors.QueueWorker.Callbacks;
using Connectors.Testing;
using CsCheck;
using Microsoft.AspNetCore.Http;

namespace Connectors.QueueWorker.Tests;

/// <summary>What a callback's receiver sees is what the function said, sent to the address that the caller gave.</summary>
public sealed class CallbackFidelityTests(SharedNats nats) : IClassFixture<SharedNats>
{
    [Fact]
    public async Task Lines_stay_lines_and_what_Connection_names_stays_behind()
    {
        await using var bench = await Bench.StartAsync(
            (request, http) =>
            {
                if (request.Path.StartsWith("/function/", StringComparison.Ordinal))
                {
                    http.Response.Headers.Append("Set-Cookie", "a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT");
                    http.Response.Headers.Append("Set-Cookie", "b=2");
                    http.Response.Headers.Connection = "X-Hop";
                    http.Response.Headers["X-Hop"] = "of this connection";
                    http.Response.Headers["X-Mine"] = "kept";
                }

                return Task.CompletedTask;
            },
            server: nats.Server);

        await bench.EnqueueAsync(Bench.Call() with { Callback = bench.CallbackUrl.ToString() });
        await bench.IsEmptyAsync();

        var post = Assert.Single(bench.Posts);
        Assert.Equal(["a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT", "b=2"], post.HeaderValues("Set-Cookie"));
        Assert.Null(post.Header("X-Hop"));
        Assert.Equal("kept", post.Header("X-Mine"));
    }

    // UTF-8 bytes stand in a header as one char each.
    [Theory]
    [InlineData("\u00c3\u00bcmlaut/a%2Fb/../c//d?q=%20\u00c3\u00a9&r=a+b#part", "/%C3%BCmlaut/a%2Fb/../c//d", "q=%20%C3%A9&r=a+b")]
    [InlineData("?x=1", "/", "x=1")]
    [InlineData("%7Ebob/~bob", "/%7Ebob/~bob", "")]
    public async Task An_address_goes_out_byte_for_byte(string given, string path, string query)
    {
        await using var bench = await Bench.StartAsync(server: nats.Server);

        await bench.EnqueueAsync(Bench.Call() with { Callback = bench.Http.Url + given });
        await bench.IsEmptyAsync();

        var post = Assert.Single(bench.Posts);
        Assert.Equal((path, query), (post.Path, post.Query));
    }

    [Theory]
    [InlineData("http://gw:8080/system/functions", true)]
    [InlineData("http://gw:8080/x/../system/functions", true)]
    [InlineData("http://gw:8080/x/%2e%2e/system/functions", true)]
    [InlineData("http://gw:8080/%252e%252e/%2573ystem", true)]
    [InlineData("http://gw:8080//./\\SYSTEM", true)]
    [InlineData("http://other:8080/system", true)]
    [InlineData("http://gw:9090/system", true)]
    [InlineData("http://other:9090/system", false)]
    [InlineData("http://gw:8080/function/system", false)]
    [InlineData("http://gw:8080/systems", false)]
    public void The_gateways_own_API_is_known_however_it_is_written(string url, bool isSystem) =>
        Assert.Equal(isSystem, CallbackUrl.Of(url)!.IsSystemOf(new Uri("http://gw:8080/")));

    [Theory]
    [InlineData("http://host/openfaas/system/functions", true)]
    [InlineData("http://host/OpenFaaS//x/..//%73ystem", true)]
    [InlineData("http://host/openfaas/../system/functions", true)]
    [InlineData("http://host/system/functions", true)]
    [InlineData("http://host/openfaas/function/system", false)]
    [InlineData("http://host/openfaas", false)]
    [InlineData("http://host/other/system/functions", false)]
    [InlineData("http://other:81/openfaas/system/functions", false)]
    public void The_API_of_a_gateway_below_a_path_is_known_with_the_path_and_without(string url, bool isSystem)
    {
        Assert.Equal(isSystem, CallbackUrl.Of(url)!.IsSystemOf(new Uri("http://host/openfaas")));
        Assert.Equal(isSystem, CallbackUrl.Of(url)!.IsSystemOf(new Uri("http://host/openfaas/")));
    }

    // A pass for each time that it was escaped would not end.
    [Fact]
    public void An_address_that_was_escaped_any_number_of_times_is_read_in_one_pass()
    {
        Assert.Equal("/system/x", CallbackUrl.Unescaped($"/{Escaped(2_000_000)}/x"));
        Assert.Equal("/%2\0", CallbackUrl.Unescaped("/%2%00"));
        Assert.True(CallbackUrl.Of($"http://gw:8080/{Escaped(20_000)}/functions")!.IsSystemOf(new Uri("http://gw:8080/")));

        static string Escaped(int times) => $"%{string.Concat(Enumerable.Repeat("25", times))}73ystem";
    }

    [Fact]
    public void What_is_read_in_one_pass_is_what_many_come_to() =>
        Gen.String[Gen.Char["%%%022533476cAe9z/."], 0, 30].Sample(path =>
        {
            var (many, before) = (path, "");
            while (many != before)
            {
                (many, before) = (Uri.UnescapeDataString(many), many);
            }

            Assert.Equal(many, CallbackUrl.Unescaped(path));
        });
}
