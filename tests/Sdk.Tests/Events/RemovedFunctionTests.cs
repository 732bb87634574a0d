using Connectors.Sdk.Events;
using Connectors.Sdk.Hosting;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Connectors.Sdk.Tests.Events;

/// <summary>A 404 is a function's own answer, or tells that the function went after the topic map was made.</summary>
public sealed class RemovedFunctionTests : IAsyncLifetime
{
    private readonly ScriptedSource _source = new();
    private GatewayServer _gateway = null!; // set before each test

    public async ValueTask InitializeAsync() => _gateway = await GatewayServer.StartAsync(ListedFunction.Wanting("orders", "a"));

    public ValueTask DisposeAsync() => _gateway.DisposeAsync();

    [Theory]
    [InlineData(AckOn.Success)]
    [InlineData(AckOn.Any)]
    public async Task What_came_to_a_function_that_has_gone_is_for_those_that_want_it_now(AckOn ackOn)
    {
        AnswersFromA(() => _gateway.Functions = [ListedFunction.Wanting("orders", "b")]);
        await using var connector = await StartAsync(ackOn);

        Give();

        await Eventually.HoldsAsync(() => _source.Settled.Contains("1 completed"), "it is taken");
        Assert.Equal("1 failed 404 1", _source.Settled.First());
        Assert.Equal("/function/b.openfaas-fn", _gateway.Calls[^1].Path);
    }

    [Fact]
    public async Task If_nobody_wants_it_now_it_is_given_back()
    {
        AnswersFromA(() => _gateway.Functions = []);
        await using var connector = await StartAsync(AckOn.Any);

        Give();

        await Eventually.HoldsAsync(() => _source.Settled.Contains("1 abandoned"), "it is given back");
    }

    [Fact]
    public async Task While_nobody_can_say_whether_it_has_gone_the_event_waits()
    {
        AnswersFromA(() => _gateway.SystemStatus = 503);
        await using var connector = await StartAsync(AckOn.Any);

        Give();
        await _gateway.ReceivesAsync(3);
        _gateway.Functions = [ListedFunction.Wanting("orders", "b")];
        _gateway.Answer = (_, _) => Task.CompletedTask;
        _gateway.SystemStatus = null;

        await Eventually.HoldsAsync(() => _source.Settled.Contains("1 completed"), "it is taken");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_404_of_a_function_that_is_there_is_its_own_answer(bool canBeAskedForOne)
    {
        _gateway.KnowsOneFunction = canBeAskedForOne;
        AnswersFromA(() => { });
        await using var connector = await StartAsync(AckOn.Success);

        _source.Give("1", onFail: (outcome, _) => outcome.IsOutOfReach ? throw new InvalidOperationException("out of reach") : null);

        await Eventually.HoldsAsync(() => !_source.Settled.IsEmpty, "it has failed");
        await _gateway.IsPolledAsync();
        Assert.Equal(["1 failed 404 1"], _source.Settled);
        Assert.Single(_gateway.Calls);
    }

    private void AnswersFromA(Action first) => _gateway.Answer = (request, http) =>
    {
        if (request.Path.Contains("/a.", StringComparison.Ordinal))
        {
            first();
            http.Response.StatusCode = StatusCodes.Status404NotFound;
        }

        return Task.CompletedTask;
    };

    private void Give() => _source.Give("1", onFail: (outcome, _) => outcome.IsOutOfReach ? TimeSpan.FromMilliseconds(10) : null);

    private Task<RunningConnector> StartAsync(AckOn ackOn) => RunningConnector.StartAsync(builder =>
    {
        builder.AddConnector<ScriptedSource>(RunningConnector.Options(_gateway.Url) with { AckOn = ackOn });
        builder.Services.AddSingleton<IEventSource>(_source);
    });
}
