using Connectors.Sdk.Events;
using Connectors.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace Connectors.Sdk.Tests.Events;

/// <summary>One odd function or a source that is away: what is told, and that the rest goes on.</summary>
public sealed class IsolationTests : IAsyncLifetime
{
    private readonly ScriptedSource _source = new();
    private GatewayServer _gateway = null!; // set before each test

    public async ValueTask InitializeAsync() => _gateway = await GatewayServer.StartAsync(ListedFunction.Wanting("orders", "a"));

    public ValueTask DisposeAsync() => _gateway.DisposeAsync();

    [Fact]
    public async Task A_function_that_cannot_be_called_fails_alone()
    {
        _gateway.Functions = [ListedFunction.Wanting("orders", "a"), ListedFunction.Wanting("orders", new string('x', 100_000))];
        await using var connector = await StartAsync();

        _source.Give("1", onFail: (_, attempt) => attempt < 3 ? TimeSpan.FromMilliseconds(1) : null);

        await Eventually.HoldsAsync(() => _source.Settled.Any(s => s.StartsWith("1 failed", StringComparison.Ordinal) && s.EndsWith(" 3", StringComparison.Ordinal)), "three runs failed");
        Assert.Single(_gateway.Calls, call => call.Path.EndsWith("/a.openfaas-fn", StringComparison.Ordinal));
    }

    [Fact]
    public async Task While_the_source_cannot_be_read_it_is_not_ready_and_says_why()
    {
        await using var connector = await StartAsync();
        using var http = new HttpClient(new SocketsHttpHandler());
        async Task<string> ReadyAsync() => await (await http.GetAsync(new Uri(connector.Metrics, "/readyz"))).Content.ReadAsStringAsync();
        await Eventually.HoldsAsync(async () => await ReadyAsync() == "OK", "a quiet source is ready");

        _source.FailsToRead = "the broker is away";
        _source.Do(() => throw new InvalidOperationException("the broker is away"));
        await Eventually.HoldsAsync(async () => await ReadyAsync() == "event source: the broker is away", "it says why");
        var readings = _source.Readings;
        await Eventually.HoldsAsync(() => _source.Readings > readings + 2, "it is read again and again");
        Assert.Equal("event source: the broker is away", await ReadyAsync());

        _source.FailsToRead = null;
        await Eventually.HoldsAsync(async () => await ReadyAsync() == "OK", "ready again");
    }

    private Task<RunningConnector> StartAsync() => RunningConnector.StartAsync(builder =>
    {
        builder.AddConnector<ScriptedSource>(RunningConnector.Options(_gateway.Url));
        builder.Services.AddSingleton<IEventSource>(_source);
    });
}
