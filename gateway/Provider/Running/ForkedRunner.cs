using System.ComponentModel;
using System.Globalization;
using Connectors.Provider.Contracts;
using Connectors.Provider.Processes;
using Connectors.Sdk.Invocation;

namespace Connectors.Provider.Running;

/// <summary>A process for each call: the body on its standard input, the answer from its standard output, the status from its exit code.</summary>
internal sealed class ForkedRunner(FunctionSetup setup, long maxOutput, TimeProvider time, ILogger log) : IFunctionRunner
{
    private static readonly string[] Verbs = ["POST", "PUT", "PATCH", "DELETE", "GET"];

    private readonly WatchdogSettings _settings = setup.Settings;
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
        await ForkAsync(caller, path, ct);
        return true;
    }

    public ValueTask DisposeAsync() => default;

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
        CallVariables.Add(variables, caller.Request, path);
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
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, ct);
        try
        {
            if (await ForkedRun.ToEndAsync(process, caller.Request, output, setup.Log, either.Token))
            {
                await AnswerAsync(caller, process.ExitCode, output, started, ct);
                return;
            }

            process.End();
            await InternalError.AnswerAsync(caller, StatusCodes.Status500InternalServerError, InternalError.Watchdog, $"The function wrote more than {maxOutput} bytes.");
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested && !ct.IsCancellationRequested)
        {
            process.End();
            await InternalError.AnswerAsync(caller, StatusCodes.Status408RequestTimeout, InternalError.Watchdog, "Killed process.");
        }
        catch
        {
            process.End();
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
            prefix = exitCode > 128 ? $"signal: {exitCode - 128}\n" : $"exit status {exitCode}\n";
        }

        response.ContentLength = output.Length + prefix.Length;
        await response.WriteAsync(prefix, ct);
        await output.Rewind().CopyToAsync(response.Body, ct);
    }

    private string Seconds(long started) => time.GetElapsedTime(started).TotalSeconds.ToString("F6", CultureInfo.InvariantCulture);
}
