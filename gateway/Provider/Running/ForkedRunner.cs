using System.ComponentModel;
using System.Globalization;
using Connectors.Provider.Contracts;
using Connectors.Provider.Processes;
using Connectors.Sdk.Invocation;

namespace Connectors.Provider.Running;

/// <summary>A process for each call: the body on its standard input, the answer from its standard output, the status from its exit code.</summary>
internal sealed class ForkedRunner(FunctionSetup setup, long maxOutput, TimeProvider time, ILogger log) : IFunctionRunner
{
    // What a process's exit code is counted from that a signal ended, and the last signal that does so: a program that ends with 255 itself is none of these.
    private const int Signalled = 128;
    private const int LastSignal = 31;

    private static readonly string[] Verbs = ["POST", "PUT", "PATCH", "DELETE", "GET"];

    private readonly WatchdogSettings _settings = setup.Settings;

    // Guards the number of calls, and that none begins here once another runner has taken over, or nobody has.
    private readonly Lock _counting = new();
    private readonly TaskCompletionSource _idle = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _end = new();
    private int _calls;
    private bool _isRetired;
    private Task? _ending;
    private int _replicas;

    public int Available => _replicas;

    public string? RefusalOf(int replicas) => null;

    public bool IsAlone => false;

    public Task Scale(int replicas, Task after)
    {
        _replicas = replicas;
        return Task.CompletedTask;
    }

    public async Task<bool> AnswerAsync(HttpContext caller, FunctionPath path, CancellationToken ct)
    {
        lock (_counting)
        {
            if (_isRetired)
            {
                return false;
            }

            _calls++;
        }

        try
        {
            await ForkAsync(caller, path, ct);
            return true;
        }
        finally
        {
            Release();
        }
    }

    public Task RetireAsync()
    {
        lock (_counting)
        {
            _isRetired = true;
            if (_calls == 0)
            {
                _idle.TrySetResult();
            }
        }

        return _idle.Task;
    }

    public ValueTask DisposeAsync()
    {
        lock (_counting)
        {
            return new ValueTask(_ending ??= EndAsync());
        }
    }

    private void Release()
    {
        lock (_counting)
        {
            if (--_calls == 0 && _isRetired)
            {
                _idle.TrySetResult();
            }
        }
    }

    private async Task EndAsync()
    {
        await RetireAsync().WaitAsync(_settings.GracePeriod, time, setup.Cut).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _end.CancelAsync();
        await _idle.Task;
        _end.Dispose();
    }

    private async Task ForkAsync(HttpContext caller, FunctionPath path, CancellationToken ct)
    {
        if (!Verbs.Contains(caller.Request.Method))
        {
            caller.Response.StatusCode = StatusCodes.Status405MethodNotAllowed;
            caller.Response.Headers.Allow = string.Join(", ", Verbs);
            return;
        }

        var started = time.GetTimestamp();
        var variables = new Dictionary<string, string>(setup.Variables);
        if (_settings.TellsCall)
        {
            CallVariables.Add(variables, caller.Request, path);
        }

        using var process = await StartAsync(caller, variables);
        if (caller.Response.StatusCode == StatusCodes.Status500InternalServerError)
        {
            return;
        }

        if (process is null)
        {
            await InternalError.AnswerAsync(
                caller, StatusCodes.Status431RequestHeaderFieldsTooLarge, InternalError.Watchdog, "The headers are larger than a process's environment may be.");
            return;
        }

        await using var output = new CallBytes(maxOutput);
        await RunAsync(process, caller, output, started, ct);
        setup.Log.Write($"{process.Id}", $"{caller.Request.Method} {(path.Rest.Length > 0 ? path.Rest : "/")} - {caller.Response.StatusCode} - {output.Length} bytes ({Seconds(started)} s)");
    }

    private async Task<ProcessGroup?> StartAsync(HttpContext caller, Dictionary<string, string> variables)
    {
        try
        {
            return await ProcessGroup.StartAsync(setup.Plan(variables, _settings.CombinesOutput));
        }
        catch (Win32Exception fault)
        {
            // No more processes, memory or open files: of the machine, not of the function.
            Log.ProcessFailed(log, setup.Name.ToString(), fault.Message);
            await InternalError.AnswerAsync(
                caller, StatusCodes.Status500InternalServerError, InternalError.Proxy, $"No process can be started for {setup.Name.Name}: {fault.Message}");
            return null;
        }
    }

    private async Task RunAsync(ProcessGroup process, HttpContext caller, CallBytes output, long started, CancellationToken ct)
    {
        using var limit = _settings.ExecTimeout is { } most ? new CancellationTokenSource(most, time) : new CancellationTokenSource();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct, _end.Token);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, stop.Token);
        try
        {
            if (await ForkedRun.ToEndAsync(process, caller.Request, output, setup.Log, time, either.Token))
            {
                await AnswerAsync(caller, process.ExitCode, output, started, stop.Token);
                return;
            }

            await process.EndAsync();
            await InternalError.AnswerAsync(caller, StatusCodes.Status500InternalServerError, InternalError.Watchdog, $"The function wrote more than {maxOutput} bytes.");
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested && !ct.IsCancellationRequested)
        {
            await process.EndAsync();
            await InternalError.AnswerAsync(caller, StatusCodes.Status408RequestTimeout, InternalError.Watchdog, "Killed process.");
        }
        catch (OperationCanceledException) when (_end.IsCancellationRequested && !ct.IsCancellationRequested)
        {
            await process.EndAsync();
            setup.Log.Write($"{process.Id}", "did not end in time with its function and is killed");
            Log.ProcessKilled(log, setup.Name.ToString(), process.Id, _settings.GracePeriod);
            await InternalError.AnswerAsync(
                caller, StatusCodes.Status503ServiceUnavailable, InternalError.Proxy, $"{setup.Name.Name} was deleted, or the gateway stops, and the call did not end in time.");
        }
        catch
        {
            await process.EndAsync();
            throw;
        }
    }

    private async Task AnswerAsync(HttpContext caller, int exitCode, CallBytes output, long started, CancellationToken ct)
    {
        var response = caller.Response;
        response.ContentType = _settings.ContentType ?? new Header("", caller.Request.ContentType ?? "text/plain").OneLine;
        var prefix = "";
        if (exitCode == 0)
        {
            response.Headers[WellKnownHeaders.DurationSeconds] = Seconds(started);
        }
        else
        {
            response.StatusCode = StatusCodes.Status500InternalServerError;
            prefix = exitCode is > Signalled and <= Signalled + LastSignal ? $"signal: {exitCode - Signalled}\n" : $"exit status {exitCode}\n";
        }

        response.ContentLength = output.Length + prefix.Length;
        await response.WriteAsync(prefix, ct);
        await output.Rewind().CopyToAsync(response.Body, ct);
    }

    private string Seconds(long started) => time.GetElapsedTime(started).TotalSeconds.ToString("F6", CultureInfo.InvariantCulture);
}
