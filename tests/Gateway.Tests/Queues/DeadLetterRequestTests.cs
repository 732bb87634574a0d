using System.Net;
using System.Text.Json.Nodes;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using NATS.Client.Core;

namespace Connectors.Gateway.Tests.Queues;

/// <summary>What a dead call was beside its body: shown to whoever looks for the cause, without what opens doors.</summary>
public sealed class DeadLetterRequestTests(QueueFixture fixture) : IClassFixture<QueueFixture>
{
    private readonly TestGateway _gateway = fixture.Gateway;

    [Fact]
    public async Task Method_path_query_headers_and_callback_of_a_dead_call_are_told_in_their_order()
    {
        var seed = await SeedAsync();
        var seq = await seed.DeadAsync(DeadLetterSeed.Call() with
        {
            Method = "PUT",
            Path = "/orders/7",
            Query = "a=1&b=x%20y&a=2",
            Headers = [new Header("Content-Type", "text/xml"), new Header("X-Twice", "one"), new Header("Accept", "*/*"), new Header("X-Twice", "\"<ü>\"")],
            Callback = "https://shop.example:8443/done?order=7",
        });

        var shown = await ShowAsync(seed, seq);

        Assert.Equal(
            ("PUT", "/orders/7", "a=1&b=x%20y&a=2", "https://shop.example:8443/done?order=7"),
            ((string)shown["method"]!, (string)shown["path"]!, (string)shown["query"]!, (string)shown["callback"]!));
        Assert.Equal([("Content-Type", "text/xml"), ("X-Twice", "one"), ("Accept", "*/*"), ("X-Twice", "\"<ü>\"")], Headers(shown));
    }

    [Theory]
    [InlineData("Authorization", "Bearer hidden", "***")]
    [InlineData("proxy-authorization", "Basic hidden", "***")]
    [InlineData("Cookie", "a=hidden", "***")]
    [InlineData("Set-Cookie", "a=hidden", "***")]
    [InlineData("X-Gitlab-Token", "hidden", "***")]
    [InlineData("X-API-KEY", "hidden", "***")]
    [InlineData("apikey", "hidden", "***")]
    [InlineData("Client_Secret", "hidden", "***")]
    [InlineData("X-Password-Hint", "hidden", "***")]
    [InlineData("Referer", "http://ann:hidden@shop.example/a@b?mail=c@d.example", "http://***@shop.example/a@b?mail=c@d.example")]
    [InlineData("Link", "<https://a:hidden@one.example/>, <https://hidden@two.example/>", "<https://***@one.example/>, <https://***@two.example/>")]
    [InlineData("X-Next", "/list?page=2&access_token=hidden&size=3", "/list?page=2&access_token=***&size=3")]
    [InlineData("X-Store", "https://s.example/f?X-Amz-Signature=hidden&sig=hidden#part", "https://s.example/f?X-Amz-Signature=***&sig=***#part")]
    [InlineData("Ocp-Apim-Subscription-Key", "hidden", "***")]
    [InlineData("X-Caller", "Bearer hidden", "***")]
    [InlineData("X-Hook", "https://f.example/api/run?code=hidden&n=1", "https://f.example/api/run?code=***&n=1")]
    [InlineData("X-Part", "https://s.example/cb#access_token=hidden&state=1", "https://s.example/cb#access_token=***&state=1")]
    [InlineData("X-Back", "/in?next=https%3A%2F%2Fann%3Ahidden%40shop.example%2F&page=%2Flist", "/in?next=***&page=%2Flist")]
    [InlineData("X-Then", "/a?to=%2Fb%3Fn%3D1%26api%5Fkey%3Dhidden&id=7", "/a?to=***&id=7")]
    [InlineData("X-Odd", "/a?%74oken=hidden&id=7", "/a?%74oken=***&id=7")]
    [InlineData("X-Hub-Signature-256", "sha256=0f1e", "sha256=0f1e")]
    [InlineData("From", "ann@shop.example", "ann@shop.example")]
    [InlineData("Idempotency-Key", "design=7", "design=7")]
    public async Task What_opens_doors_is_masked_and_nothing_else(string name, string value, string told)
    {
        var seed = await SeedAsync();
        var seq = await seed.DeadAsync(DeadLetterSeed.Call() with { Headers = [new Header(name, value)] });

        var shown = await ShowAsync(seed, seq);

        Assert.Equal([(name, told)], Headers(shown));
    }

    [Fact]
    public async Task Of_addresses_user_and_password_are_masked_and_values_of_the_query_that_open_doors()
    {
        var seed = await SeedAsync();
        var seq = await seed.DeadAsync(DeadLetterSeed.Call() with { Query = "api_key=hidden&id=7&password=hidden", Callback = "http://ann:hid@den@shop.example/cb?token=hidden&n=1" });

        var shown = await ShowAsync(seed, seq);

        Assert.Equal("api_key=***&id=7&password=***", (string)shown["query"]!);
        Assert.Equal("http://***@shop.example/cb?token=***&n=1", (string)shown["callback"]!);
    }

    [Fact]
    public async Task Of_a_dead_callback_the_headers_are_those_of_the_functions_answer()
    {
        var seed = await SeedAsync();
        var record = new CallbackRecord { Status = 200, Since = TimeProvider.System.GetUtcNow(), Headers = [new Header("Content-Type", "text/csv"), new Header("Set-Cookie", "hidden")] };
        var seq = await seed.DeadAsync(DeadLetterSeed.Call() with { Callback = "http://shop.example/cb" }, [1], DeadKind.Callback, DeadReasons.CallbackExpired, record);

        var shown = await ShowAsync(seed, seq);

        Assert.Equal(("POST", "http://shop.example/cb"), ((string)shown["method"]!, (string)shown["callback"]!));
        Assert.Equal([("Content-Type", "text/csv"), ("Set-Cookie", "***")], Headers(shown));
    }

    [Fact]
    public async Task Of_what_is_no_call_nothing_is_told_and_a_letter_that_is_gone_is_404()
    {
        var seed = await SeedAsync();
        var seq = await seed.PublishAsync($"{seed.Queue}.dead.call.x.y", [1], new NatsHeaders { ["Some"] = "thing" });

        Assert.Equal("""{"method":null,"path":"","query":"","headers":[],"callback":null}""", (await ShowAsync(seed, seq)).ToJsonString());
        await _gateway.SystemAsync(HttpMethod.Get, $"queues/{seed.Queue}/dead/{seq + 1}/request", expected: HttpStatusCode.NotFound);
    }

    private Task<DeadLetterSeed> SeedAsync() => new DeadLetterSeed(fixture.Stored.JetStream, "q" + Guid.NewGuid().ToString("N")[..8]).CreateAsync();

    private Task<JsonNode> ShowAsync(DeadLetterSeed seed, ulong seq) => _gateway.SystemJsonAsync($"queues/{seed.Queue}/dead/{seq}/request");

    private static IEnumerable<(string, string)> Headers(JsonNode shown) => shown["headers"]!.AsArray().Select(header => ((string)header![0]!, (string)header[1]!));
}
