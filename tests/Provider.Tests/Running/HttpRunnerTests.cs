using Connectors.Provider.Contracts;
using Connectors.Provider.Isolation;
using Connectors.Provider.Logs;
using Connectors.Provider.Running;
using Connectors.Sdk.Invocation;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

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
        var never = new TaskCompletionSource();
        await using var runner = new HttpRunner(Setup("true"), null!, TimeProvider.System, NullLogger.Instance);
        _ = runner.Scale(1, never.Task);
        await GiveUpAsync(runner, 100);

        var before = GC.GetTotalMemory(forceFullCollection: true);
        await GiveUpAsync(runner, Calls);
        var left = GC.GetTotalMemory(forceFullCollection: true) - before;

        Assert.True(left < Calls * 30, $"{Calls} calls left {left} bytes");
    }

    // A server that listens at another port, or at none: nothing that dies says so.
    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    public async Task A_process_that_does_not_listen_is_waited_for_a_while_told_of_and_ready_once_it_does(string address)
    {
        var time = new FakeTimeProvider();
        var mayListen = Path.Combine(_folder, "listen");
        await using var runner = new HttpRunner(
            Setup($$"""perl -MIO::Socket::IP -e 'select(undef, undef, undef, 0.1) until -e "{{mayListen}}"; my $s = IO::Socket::IP->new(LocalHost => "{{address}}", LocalPort => $ENV{PORT}, Listen => 9) or die; sleep 1 while 1'"""),
            null!,
            time,
            NullLogger.Instance);
        _ = runner.Scale(1, Task.CompletedTask);
        using var patience = new CancellationTokenSource();
        var caller = new DefaultHttpContext();
        var waiting = runner.AnswerAsync(caller, new FunctionPath(Name, "/function/fn", "", ""), patience.Token);

        await Eventually.HoldsAsync(() => Advances(waiting.IsCompleted), "the call that waits is answered");

        Assert.Equal(StatusCodes.Status503ServiceUnavailable, caller.Response.StatusCode);
        Assert.Contains("runs and is not ready: nobody listens on port", await File.ReadAllTextAsync(Path.Combine(_folder, "fn.log")), StringComparison.Ordinal);
        Assert.Equal(0, runner.Available);

        await File.WriteAllTextAsync(mayListen, "");
        await Eventually.HoldsAsync(() => Advances(runner.Available == 1), "it is ready");

        bool Advances(bool holds)
        {
            time.Advance(TimeSpan.FromSeconds(1));
            return holds;
        }
    }

    public void Dispose()
    {
        _log.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private FunctionSetup Setup(string command)
    {
        var deployment = new FunctionDeployment { Service = Name.Name, EnvProcess = command, EnvVars = new Dictionary<string, string> { ["mode"] = "http" } };
        var sandbox = new Sandbox(FunctionIsolation.None, null, _folder, null, "", []);
        return new FunctionSetup(Name, WatchdogSettings.Read(deployment, []), sandbox, new Dictionary<string, string>(), _log, CancellationToken.None);
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
