using System.Collections.Concurrent;
using Connectors.Sdk.Events;
using Connectors.Sdk.Invocation;
using Connectors.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace Connectors.Sdk.Tests.Events;

/// <summary>An event that its source gave back and gets again, as another object, goes on from where it stood.</summary>
public sealed class ProgressTests : IAsyncLifetime
{
    private readonly ScriptedSource _source = new();
    private readonly ConcurrentQueue<(string End, Progress? Progress)> _ended = new();
    private GatewayServer _gateway = null!; // set before each test
    private int _begun;

    public async ValueTask InitializeAsync() => _gateway = await GatewayServer.StartAsync(ListedFunction.Wanting("orders", "a"), ListedFunction.Wanting("orders", "b"));

    public ValueTask DisposeAsync() => _gateway.DisposeAsync();

    [Fact]
    public async Task Only_the_functions_that_have_not_taken_it_are_called_under_the_same_call_id()
    {
        Refuse("b", 2);
        await using var connector = await StartAsync();

        var first = await RunAsync(null);
        var second = await RunAsync(first.Progress);
        var third = await RunAsync(second.Progress);

        Assert.Equal(("failed 1", "failed 1", "completed"), (first.End, second.End, third.End));
        Assert.Equal(["a", "b", "b", "b"], Called());
        Assert.Single(_gateway.Calls.Select(c => c.CallId).Distinct());
        Assert.Equal(3, _begun);
    }

    [Fact]
    public async Task Each_object_goes_on_by_itself()
    {
        Refuse("b", 1);
        await using var connector = await StartAsync();

        var first = await RunAsync(null);
        var second = await RunAsync(first.Progress);
        var third = await RunAsync(first.Progress);

        Assert.Equal(("failed 1", "completed", "completed"), (first.End, second.End, third.End));
        Assert.Equal(["a", "b", "b", "b"], Called());
    }

    [Fact]
    public async Task What_no_function_took_has_made_none()
    {
        Refuse("ab", 2);
        await using var connector = await StartAsync();

        var first = await RunAsync(null);
        var second = await RunAsync(first.Progress);

        Assert.Null(first.Progress);
        Assert.Equal(("failed 1", "completed"), (first.End, second.End));
        Assert.Equal(["a", "a", "b", "b"], Called());
    }

    private void Refuse(string functions, int times)
    {
        var refusals = times;
        _gateway.Answer = (request, http) =>
        {
            http.Response.StatusCode = functions.Contains(request.Path[10], StringComparison.Ordinal) && Interlocked.Decrement(ref refusals) >= 0 ? 500 : 200;
            return Task.CompletedTask;
        };
    }

    private IEnumerable<string> Called() => _gateway.Calls.Select(c => c.Path[10..11]).Order(StringComparer.Ordinal);

    private async Task<(string End, Progress? Progress)> RunAsync(Progress? progress)
    {
        var ends = _ended.Count;
        _source.Do(() => new Delivery(this, new Event { Id = "1", Topic = "orders" }) { Progress = progress });
        await Eventually.HoldsAsync(() => _ended.Count > ends, "it has an end");
        return _ended.Last();
    }

    private Task<RunningConnector> StartAsync() => RunningConnector.StartAsync(builder =>
    {
        builder.AddConnector<ScriptedSource>(RunningConnector.Options(_gateway.Url));
        builder.Services.AddSingleton<IEventSource>(_source);
    });

    private sealed class Delivery(ProgressTests test, Event content) : Received(content)
    {
        public override ValueTask<bool> BeginAsync(CancellationToken ct)
        {
            Interlocked.Increment(ref test._begun);
            return ValueTask.FromResult(true);
        }

        public override ValueTask CompleteAsync(CancellationToken ct)
        {
            test._ended.Enqueue(("completed", Progress));
            return ValueTask.CompletedTask;
        }

        public override ValueTask<TimeSpan?> FailAsync(Outcome outcome, int attempt, CancellationToken ct)
        {
            test._ended.Enqueue(($"failed {attempt}", Progress));
            return ValueTask.FromResult<TimeSpan?>(null);
        }
    }
}
