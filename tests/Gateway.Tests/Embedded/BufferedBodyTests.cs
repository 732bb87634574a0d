using System.Net;
using Connectors.Testing;

namespace Connectors.Gateway.Tests.Embedded;

/// <summary>Functions that speak HTTP and know no chunks, as WSGI servers do: with <c>http_buffer_req_body</c> they get a body's length.</summary>
public sealed class BufferedBodyTests(ProviderFixture fixture) : IClassFixture<ProviderFixture>
{
    private readonly TestGateway _gateway = fixture.Embedded;

    // The largest is kept in a file.
    [Theory]
    [InlineData("http_buffer_req_body", "true", 0)]
    [InlineData("http_buffer_req_body", "true", 5)]
    [InlineData("buffer_http", "1", 3_000_000)]
    public async Task A_body_that_comes_in_chunks_goes_on_with_its_length(string flag, string value, int length)
    {
        var name = $"buffers-{length}";
        await _gateway.DeployAsync(name, HttpFunction.Command, environment: new Dictionary<string, string> { ["mode"] = "http", [flag] = value });
        var body = string.Concat(Enumerable.Range(0, length).Select(i => (char)('a' + (i % 23))));
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(_gateway.Api, $"/function/{name}/head")) { Content = new StringContent(body) };
        request.Headers.TransferEncodingChunked = true;

        using var answer = await _gateway.Http.SendAsync(request);
        var seen = (await answer.Content.ReadAsStringAsync()).Split("\r\n\r\n", 2);

        Assert.Contains($"\r\nContent-Length: {length}\r\n", seen[0] + "\r\n", StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("Transfer-Encoding", seen[0], StringComparison.OrdinalIgnoreCase);
        Assert.True(body == seen[1], $"{seen[1].Length} bytes of {length}, or others");
    }

    [Fact]
    public async Task A_request_without_a_body_gets_no_length()
    {
        await using var service = await ServiceAsync("bare");

        using var answer = await _gateway.SendAsync(HttpMethod.Get, "/function/bare");

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Empty(Assert.Single(service.Requests).HeaderValues("Content-Length"));
    }

    [Fact]
    public async Task A_body_that_breaks_off_is_not_passed_on()
    {
        await using var service = await ServiceAsync("half");
        using var raw = await RawHttp.ConnectAsync(_gateway.Api);

        await raw.SendAsync("POST /function/half HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n");

        Assert.StartsWith("HTTP/1.1 400 ", await raw.ReadToEndAsync(), StringComparison.Ordinal);
        Assert.Empty(service.Begun);
    }

    // The gateway's max_output_bytes, and one more.
    [Theory]
    [InlineData(8_000_000, 200)]
    [InlineData(8_000_001, 413)]
    public async Task A_body_over_the_limit_is_refused_and_not_passed_on(int length, int status)
    {
        var name = $"limit-{length}";
        await using var service = await ServiceAsync(name);
        using var raw = await RawHttp.ConnectAsync(_gateway.Api);

        await raw.SendAsync(
            $"POST /function/{name} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n{length:x}\r\n{new string('x', length)}\r\n0\r\n\r\n");
        var got = await raw.ReadToEndAsync();

        Assert.StartsWith($"HTTP/1.1 {status} ", got, StringComparison.Ordinal);
        Assert.Equal(status == 413, got.Contains("X-OpenFaaS-Internal: of-watchdog\r\n", StringComparison.Ordinal));
        Assert.Equal(status == 413 ? 0 : 1, service.Begun.Count);
    }

    [Fact]
    public async Task Exec_timeout_counts_from_the_bodys_beginning()
    {
        await using var service = await ServiceAsync("slow", ("exec_timeout", "300ms"));
        using var raw = await RawHttp.ConnectAsync(_gateway.Api);

        await raw.SendAsync("POST /function/slow HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");

        Assert.StartsWith("HTTP/1.1 504 ", await raw.ReadUntilAsync("exec_timeout"), StringComparison.Ordinal);
        Assert.Empty(service.Begun);
    }

    private async Task<HttpLedger> ServiceAsync(string name, params (string Name, string Value)[] variables)
    {
        var service = await HttpLedger.StartAsync();
        var environment = variables.Append((Name: "upstream_url", Value: service.Url.AbsoluteUri)).Append((Name: "http_buffer_req_body", Value: "true")).ToDictionary(variable => variable.Name, variable => variable.Value);
        await _gateway.SystemAsync(HttpMethod.Post, "functions", new { service = name, envVars = environment }, HttpStatusCode.Accepted);
        return service;
    }
}
