using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Sdk.Topics;
using Connectors.Testing;
using Microsoft.Extensions.Time.Testing;

namespace Connectors.Sdk.Tests.Topics;

public sealed class FunctionPresenceTests : IAsyncLifetime
{
    private static readonly TimeSpan Limit = FunctionPresence.Kept * 2;
    private static readonly FunctionName A = new("a", "openfaas-fn");

    private readonly FakeTimeProvider _time = new();
    private GatewayServer _gateway = null!; // set before each test
    private FunctionCatalog _catalog = null!; // set before each test

    public async ValueTask InitializeAsync()
    {
        _gateway = await GatewayServer.StartAsync(ListedFunction.Wanting("orders", "a"));
        _catalog = Catalog(_gateway.Url);
    }

    public async ValueTask DisposeAsync()
    {
        _catalog.Dispose();
        await _gateway.DisposeAsync();
    }

    [Fact]
    public async Task Of_many_who_want_to_know_one_asks_and_that_it_is_there_is_not_kept()
    {
        var gate = new TaskCompletionSource();
        await using var gateway = await HttpLedger.StartAsync((_, http) => gate.Task.WaitAsync(http.RequestAborted));
        using var catalog = Catalog(gateway.Url);
        var presence = new FunctionPresence(catalog, Limit, _time);
        var all = Enumerable.Range(0, 100).Select(_ => IsGoneAsync(presence, A)).ToList();

        gate.SetResult();

        Assert.All(await Task.WhenAll(all), isGone => Assert.False(isGone));
        Assert.Single(gateway.Requests);
        Assert.False(await IsGoneAsync(presence, A));
        Assert.Equal(2, gateway.Requests.Count);
    }

    [Fact]
    public async Task For_a_function_that_has_gone_all_are_listed_once()
    {
        _gateway.Functions = [];
        var presence = new FunctionPresence(_catalog, Limit, _time);

        Assert.All(await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => IsGoneAsync(presence, A))), isGone => Assert.True(isGone));

        Assert.Single(_gateway.Polls);
        Assert.True(await IsGoneAsync(presence, A with { Name = "b" }));
        Assert.Equal(2, _gateway.Polls.Count);

        _gateway.Functions = [ListedFunction.Wanting("orders", "a")];
        _time.Advance(FunctionPresence.Kept - TimeSpan.FromMilliseconds(1));
        Assert.True(await IsGoneAsync(presence, A));
        _time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.False(await IsGoneAsync(presence, A));
    }

    [Fact]
    public async Task A_gateway_that_cannot_be_asked_is_asked_again_when_the_moment_is_over()
    {
        _gateway.SystemStatus = 503;
        var presence = new FunctionPresence(_catalog, Limit, _time);
        Assert.True(await IsGoneAsync(presence, A));
        _gateway.SystemStatus = null;
        Assert.True(await IsGoneAsync(presence, A));

        _time.Advance(FunctionPresence.Kept);

        Assert.False(await IsGoneAsync(presence, A));
    }

    [Fact]
    public async Task That_it_is_there_is_not_believed_of_a_look_that_began_before()
    {
        var gate = new TaskCompletionSource();
        await using var gateway = await HttpLedger.StartAsync((_, http) => gate.Task.WaitAsync(http.RequestAborted));
        using var catalog = Catalog(gateway.Url);
        var presence = new FunctionPresence(catalog, Limit, _time);
        var first = IsGoneAsync(presence, A);
        await gateway.ReceivesAsync(1);
        _time.Advance(TimeSpan.FromMilliseconds(1));
        var later = Enumerable.Range(0, 10).Select(_ => IsGoneAsync(presence, A)).ToList();

        gate.SetResult();

        Assert.False(await first);
        Assert.All(await Task.WhenAll(later), isGone => Assert.False(isGone));
        Assert.True(gateway.Requests.Count > 1);
    }

    [Fact]
    public async Task One_who_waits_no_longer_ends_nobody_elses_look()
    {
        var gate = new TaskCompletionSource();
        await using var gateway = await HttpLedger.StartAsync((_, http) => gate.Task.WaitAsync(http.RequestAborted));
        using var catalog = Catalog(gateway.Url);
        var presence = new FunctionPresence(catalog, Limit, _time);
        using var impatient = new CancellationTokenSource();
        var (first, second) = (presence.IsGoneAsync(A, impatient.Token), IsGoneAsync(presence, A));
        await gateway.ReceivesAsync(1);

        await impatient.CancelAsync();

        Assert.True(await first);
        Assert.False(second.IsCompleted);
        gate.SetResult();
        Assert.False(await second);
        Assert.Single(gateway.Requests);
    }

    [Fact]
    public async Task A_look_that_is_not_answered_ends_and_the_next_is_another()
    {
        var gate = new TaskCompletionSource();
        await using var gateway = await HttpLedger.StartAsync((_, http) => gate.Task.WaitAsync(http.RequestAborted));
        using var catalog = Catalog(gateway.Url);
        var presence = new FunctionPresence(catalog, Limit, _time);
        var first = IsGoneAsync(presence, A);
        await gateway.ReceivesAsync(1);

        _time.Advance(Limit);

        Assert.True(await first);
        gate.SetResult();
        Assert.False(await IsGoneAsync(presence, A));
    }

    [Fact]
    public async Task Of_too_many_functions_the_first_are_forgotten()
    {
        _gateway.Functions = [];
        var presence = new FunctionPresence(_catalog, Limit, _time);
        for (var i = 0; i <= FunctionPresence.MaxKept; i++)
        {
            Assert.True(await IsGoneAsync(presence, A with { Name = $"f{i}" }));
            _time.Advance(TimeSpan.FromMilliseconds(1));
        }

        Assert.True(await IsGoneAsync(presence, A with { Name = $"f{FunctionPresence.MaxKept}" }));
        Assert.Equal(FunctionPresence.MaxKept + 1, _gateway.Polls.Count);
        Assert.True(await IsGoneAsync(presence, A with { Name = "f0" }));
        Assert.Equal(FunctionPresence.MaxKept + 2, _gateway.Polls.Count);
    }

    private static Task<bool> IsGoneAsync(FunctionPresence presence, FunctionName function) => presence.IsGoneAsync(function, CancellationToken.None);

    // Without basic auth there is nothing to be read of the folder.
    private static FunctionCatalog Catalog(Uri gateway) =>
        new(RunningConnector.Options(gateway) with { BasicAuth = false }, new GatewayCredentials(AppContext.BaseDirectory));
}
