using System.Net;
using Connectors.Gateway.Reference;
using Connectors.Streams.Records;
using CsCheck;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Connectors.Gateway.Tests.Queues;

/// <summary>A filter that was mistyped, or came out empty, is refused: left out it would mean everything.</summary>
public sealed class StrictQueryTests(QueueFixture fixture) : IClassFixture<QueueFixture>
{
    private static readonly Operation[] Strict = [.. Operation.All.Where(operation => operation.IsStrict)];
    private static readonly string[] Keys = [.. Operation.Query.Keys, .. Operation.Query.Keys.Select(key => key.ToUpperInvariant()), "fn", "tags", "from", "Functions", "dryRun"];

    private readonly TestGateway _gateway = fixture.Gateway;

    [Fact]
    public void What_a_route_reads_passes_and_every_other_key_is_named_with_those_that_are_known() => Gen.Select(
        Gen.Int[0, Strict.Length - 1].Select(i => Strict[i]),
        Gen.OneOf(Gen.Int[0, Keys.Length - 1].Select(i => Keys[i]), Gen.String[Gen.Char['!', '~'], 1, 20])).Sample((operation, key) =>
        {
            var isRead = operation.Reads.Contains(key, StringComparer.OrdinalIgnoreCase);
            var fault = QueryCheck.Fault(operation, Query(key, "x"));

            Assert.Equal(isRead, fault is null);
            if (fault is not null)
            {
                Assert.All(operation.Reads.Append(key.Replace('"', '?')), word => Assert.Contains(word, fault, StringComparison.Ordinal));
            }

            Assert.Equal(isRead && !operation.IsAct, QueryCheck.Fault(operation, Query(key, "")) is null);
            Assert.Equal(isRead && !operation.IsAct, QueryCheck.Fault(operation, Query(key, "x", "")) is null);
        });

    [Theory]
    [InlineData("DELETE", "calls?tag=import-7", "\"tag\"")]
    [InlineData("DELETE", "calls?fn=one", "\"fn\"")]
    [InlineData("DELETE", "calls?function=", "function: it is empty")]
    [InlineData("DELETE", "calls?function", "function: it is empty")]
    [InlineData("DELETE", "dead?function=one&tags=x", "\"tags\"")]
    [InlineData("DELETE", "dead?all=true&function=", "function: it is empty")]
    [InlineData("DELETE", "dead?reason=failed&limit=", "limit: it is empty")]
    [InlineData("DELETE", "dead/1?function=other", "\"function\"")]
    [InlineData("POST", "pause?function=one", "\"function\"")]
    [InlineData("POST", "functions/one/pause?namespace=other", "\"namespace\"")]
    [InlineData("POST", "redrives?function=one", "\"function\"")]
    [InlineData("POST", "dead/1/redrive?function=other", "\"function\"")]
    [InlineData("GET", "dead?fn=one", "\"fn\"")]
    [InlineData("GET", "dead/count?reason=", "reason: it is empty")]
    [InlineData("GET", "calls/count?fn=one", "\"fn\"")]
    [InlineData("GET", "calls/count?function=", "function: it is empty")]
    public async Task What_would_mean_everything_is_refused_and_leaves_everything(string method, string path, string words)
    {
        var seed = await SeedAsync();

        Assert.Contains(words, await _gateway.SystemAsync(new HttpMethod(method), $"queues/{seed.Queue}/{path}", expected: HttpStatusCode.BadRequest), StringComparison.Ordinal);

        await IsUntouchedAsync(seed);
    }

    // Told by its head, or seen as it comes.
    [Theory]
    [InlineData("redrives", true)]
    [InlineData("redrives", false)]
    [InlineData("pause", true)]
    [InlineData("functions/one/pause", false)]
    public async Task A_body_of_more_than_64_KiB_is_413_and_leaves_everything(string path, bool hasLength)
    {
        const int Length = 65_537;
        var seed = await SeedAsync();
        using var raw = await RawHttp.ConnectAsync(_gateway.Api);
        var chunk = "{\"reason\":\"".PadRight(Length, 'x');
        var framing = hasLength ? $"Content-Length: {Length}\r\n\r\n" : $"Transfer-Encoding: chunked\r\n\r\n{Length:x}\r\n{chunk}\r\n";

        await raw.SendAsync($"POST /system/queues/{seed.Queue}/{path} HTTP/1.1\r\nHost: x\r\nAuthorization: {TestGateway.Admin}\r\nContent-Type: application/json\r\n{framing}");

        Assert.StartsWith("HTTP/1.1 413", await raw.ReadUntilAsync("\r\n\r\n"), StringComparison.Ordinal);
        await IsUntouchedAsync(seed);
    }

    [Theory]
    [InlineData("redrives", "{\"function\":\"\"}")]
    [InlineData("redrives", "{\"reason\":\"\"}")]
    [InlineData("redrives", "{\"since\":\"\"}")]
    [InlineData("redrives", "{\"tag\":\"\",\"function\":\"one\"}")]
    [InlineData("redrives", "{\"fn\":\"one\"}")]
    [InlineData("pause", "{\"function\":\"one\"}")]
    [InlineData("functions/one/pause", "{\"because\":\"it fails\"}")]
    public async Task So_it_is_with_a_body(string path, string body)
    {
        var seed = await SeedAsync();

        using var answer = await _gateway.PostAsync($"/system/queues/{seed.Queue}/{path}", body, ("Authorization", TestGateway.Admin), ("Content-Type", "application/json"));

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        await IsUntouchedAsync(seed);
    }

    [Theory]
    [InlineData("POST", "calls/cancellations?function=one&tags=x", "\"tags\" is not known here: known are function, queue, state, since, until, tag, all.")]
    [InlineData("POST", "calls/cancellations?function=one&state=", "state: it is empty")]
    [InlineData("POST", "calls/cancellations?function=one&state=,", "state: one or more of")]
    [InlineData("GET", "calls/cancellations/count?function=one&tag=", "tag: it is empty")]
    [InlineData("GET", "calls?fn=one", "\"fn\"")]
    [InlineData("GET", "calls/some-id?tag=x", "\"tag\" is not known here: known are function, queue.")]
    public async Task So_it_is_with_calls(string method, string path, string words) =>
        Assert.Contains(words, await _gateway.SystemAsync(new HttpMethod(method), path, expected: HttpStatusCode.BadRequest), StringComparison.Ordinal);

    // Clients of OpenFaaS's send what they like, and a function's own query is its caller's.
    [Theory]
    [InlineData("GET", "/system/functions?usage=1&x=", 200)]
    [InlineData("GET", "/system/function/echo?usage=false", 200)]
    [InlineData("GET", "/system/namespaces?x=y", 200)]
    [InlineData("GET", "/system/secrets?x=", 200)]
    [InlineData("GET", "/system/info?x=y", 200)]
    [InlineData("GET", "/system/overview?x=y", 200)]
    [InlineData("GET", "/system/calls?function=", 200)]
    [InlineData("POST", "/async-function/echo?tags=&fn=x", 202)]
    [InlineData("DELETE", "/async-function/some-id?x=", 202)]
    public async Task Other_routes_take_any_query(string method, string path, int status)
    {
        using var answer = await _gateway.SendAsync(new HttpMethod(method), path, null, ("Authorization", TestGateway.Admin));

        Assert.Equal(status, (int)answer.StatusCode);
    }

    private static QueryCollection Query(string key, params string[] values) => new(new Dictionary<string, StringValues> { [key] = new(values) });

    private async Task<DeadLetterSeed> SeedAsync()
    {
        var seed = await new DeadLetterSeed(fixture.Stored.JetStream, "q" + Guid.NewGuid().ToString("N")[..8]).CreateAsync();
        await seed.WaitingAsync(DeadLetterSeed.Call("one"));
        await seed.DeadAsync(DeadLetterSeed.Call("two"));
        return seed;
    }

    private async Task IsUntouchedAsync(DeadLetterSeed seed)
    {
        var shown = await _gateway.SystemJsonAsync($"queues/{seed.Queue}");
        Assert.Null(shown["paused"]);
        Assert.All(shown["functions"]!.AsArray(), function => Assert.Null(function!["paused"]));
        Assert.Equal((1, 1), (await seed.CountAsync(StreamNames.Calls(seed.Queue)), await seed.CountAsync(StreamNames.Dead(seed.Queue))));
    }
}
