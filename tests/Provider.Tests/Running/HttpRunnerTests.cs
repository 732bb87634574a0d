using Connectors.Provider.Contracts;
using Connectors.Provider.Isolation;
using Connectors.Provider.Logs;
using Connectors.Provider.Running;
using Connectors.Sdk.Invocation;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;

namespace Connectors.Provider.Tests.Running;

/// <summary>Calls that wait for a process that stays.</summary>
[Collection(nameof(Alone))]
public sealed class HttpRunnerTests : IDisposable
{
    private const int Calls = 100_000;

    private static readonly FunctionName Name = new("fn", "ns");

    private readonly string _folder = Directory.CreateTempSubdirectory("runner-").FullName;
    private readonly FunctionLog _log;

    public HttpRunnerTests() => _log = new FunctionLog(Name, Path.Combine(_folder, "fn.log"), TimeProvider.System);

    // A hundred bytes of each would be ten million.
    [Fact]
    public async Task Calls_that_give_up_leave_nothing_at_a_replica_that_is_long_in_starting()
    {
        var deployment = new FunctionDeployment { Service = Name.Name, EnvProcess = "true", EnvVars = new Dictionary<string, string> { ["mode"] = "http" } };
        var sandbox = new Sandbox(FunctionIsolation.None, null, _folder, null, "", []);
        var setup = new FunctionSetup(Name, WatchdogSettings.Read(deployment, []), sandbox, new Dictionary<string, string>(), _log, CancellationToken.None);
        var never = new TaskCompletionSource();
        await using var runner = new HttpRunner(setup, null!, TimeProvider.System, NullLogger.Instance);
        _ = runner.Scale(1, never.Task);
        await GiveUpAsync(runner, 100);

        var before = GC.GetTotalMemory(forceFullCollection: true);
        await GiveUpAsync(runner, Calls);
        var left = GC.GetTotalMemory(forceFullCollection: true) - before;

        Assert.True(left < Calls * 30, $"{Calls} calls left {left} bytes");
    }

    public void Dispose()
    {
        _log.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static async Task GiveUpAsync(HttpRunner runner, int calls)
    {
        var caller = new DefaultHttpContext();
        for (var i = 0; i < calls; i++)
        {
            using var patience = new CancellationTokenSource();
            var answer = runner.AnswerAsync(caller, new FunctionPath(Name, "/function/fn", "", ""), patience.Token);
            Assert.False(answer.IsCompleted);
            await patience.CancelAsync();
            await ((Task)answer).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}

/// <summary>For tests of what all of a process share.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;
