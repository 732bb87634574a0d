using Connectors.Sdk.Invocation;
using Connectors.Testing;
using CsCheck;

namespace Connectors.Gateway.Tests;

/// <summary>What a caller's <c>Connection</c> lines name stays with the gateway, in whatever company it is named.</summary>
public sealed class ConnectionHeaderTests : IAsyncLifetime
{
    private static readonly Gen<string> Word = OneOf(
        "Upgrade", "upgrade", "UPGRADE", "\tUpgrade", " Upgrade ", "Upgrade X", "close", "Close\t", "keep-alive", "Keep-Alive", "X-Hop", " x-hop", "X-Nothing", "");

    private static readonly Gen<string[]> Lines = Word.Array[1, 4].Select(words => string.Join(',', words)).Array[1, 3];

    private NatsServer _nats = null!; // set before each test
    private HttpLedger _function = null!;
    private TestGateway _gateway = null!;
    private StoredCalls _stored = null!;

    public async ValueTask InitializeAsync()
    {
        _nats = await NatsServer.StartAsync();
        _function = await HttpLedger.StartAsync();
        _gateway = await TestGateway.StartAsync(_nats);
        _stored = new StoredCalls(_nats);
        await _gateway.DeployAsync("echo", _function.Url);
    }

    public async ValueTask DisposeAsync()
    {
        await _stored.DisposeAsync();
        await _gateway.DisposeAsync();
        await _function.DisposeAsync();
        await _nats.DisposeAsync();
    }

    [Fact]
    public Task It_comes_neither_to_the_function_nor_into_the_queue() =>
        Gen.Select(Lines, OneOf("", "Upgrade: h2c\r\n", "Upgrade: websocket\r\n"), OneOf("", "hi"), Gen.Bool).SampleAsync(
            async asked =>
            {
                var (lines, upgrade, body, isLast) = asked;
                var named = string.Concat(lines.Select(line => $"Connection: {line}\r\n"));
                var isNamed = lines.SelectMany(line => line.Split(',')).Any(word => word.Trim().Equals("X-Hop", StringComparison.OrdinalIgnoreCase));
                var asker = Guid.NewGuid().ToString();
                foreach (var (route, status) in new[] { ("/function/echo", "200"), ("/async-function/echo", "202") })
                {
                    using var raw = await RawHttp.ConnectAsync(_gateway.Api);
                    await raw.SendAsync(
                        $"POST {route} HTTP/1.1\r\nHost: x\r\nX-Hop: 1\r\nX-Asker: {asker}\r\n" + (isLast ? "" : "Connection: close\r\n") + named + upgrade
                        + (isLast ? "Connection: close\r\n" : "") + $"Content-Length: {body.Length}\r\n\r\n{body}");
                    Assert.StartsWith($"HTTP/1.1 {status} ", await raw.ReadToEndAsync().WaitAsync(Eventually.Patience), StringComparison.Ordinal);
                }

                var got = _function.Requests.Single(request => request.Header("X-Asker") == asker);
                var stored = (await _stored.LastAsync()).Envelope.Headers;
                Assert.Contains(new Header("X-Asker", asker), stored);
                Assert.Equal((isNamed, isNamed), (got.Header("X-Hop") is null, !stored.Any(header => header.Is("X-Hop"))));
            },
            iter: 100,
            threads: 1);

    [Fact]
    public async Task An_old_callers_connection_is_closed_though_it_names_an_upgrade()
    {
        using var raw = await RawHttp.ConnectAsync(_gateway.Api);

        await raw.SendAsync("GET /function/echo HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n");

        Assert.Contains(" 200 ", await raw.ReadToEndAsync().WaitAsync(Eventually.Patience), StringComparison.Ordinal);
    }

    private static Gen<string> OneOf(params string[] values) => Gen.Int[0, values.Length - 1].Select(i => values[i]);
}
