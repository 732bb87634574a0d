using System.Globalization;
using Connectors.Provider.Logs;
using Connectors.Provider.Processes;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;

namespace Connectors.Provider.Running;

/// <summary>One process that stays: started, waited for until it is ready, started again with growing pauses when it dies.</summary>
internal sealed class Replica : IAsyncDisposable
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan MinPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan MaxPause = TimeSpan.FromSeconds(10);

    // Having run so long, a process that dies starts again at once.
    private static readonly TimeSpan Stable = TimeSpan.FromSeconds(10);

    // What has not become ready by then is not waited for any longer; but it is still looked for, and told of once.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    // For what an ended process said last, and for what it started to let go. Somebody who left its group may hold its output open for good.
    private static readonly TimeSpan LastWords = TimeSpan.FromSeconds(1);

    private readonly FunctionSetup _setup;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly CancellationToken _leaving;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _living;
    private volatile TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile ReplicaState _state;
    private int _failures;
    private int _running;

    /// <param name="setup">The function.</param>
    /// <param name="after">What has to end before the first process starts.</param>
    /// <param name="time">The clock.</param>
    /// <param name="log">For the operator.</param>
    /// <param name="leaving">Cancelled once it is on its way out, before it is disposed of: whoever wants its port then waits for it.</param>
    public Replica(FunctionSetup setup, Task after, TimeProvider time, ILogger log, CancellationToken leaving)
    {
        _setup = setup;
        _time = time;
        _log = log;
        _leaving = leaving;
        Address = "";
        _living = LiveAsync(after);
    }

    public ReplicaState State => _state;

    /// <summary>Ends with the next change of <see cref="State"/>.</summary>
    public Task Changed => _changed.Task;

    /// <summary>Where it listens, once it is ready.</summary>
    public string Address { get; private set; }

    public int Running => Volatile.Read(ref _running);

    public void Take() => Interlocked.Increment(ref _running);

    public void Release() => Interlocked.Decrement(ref _running);

    /// <summary>For one that gets no more calls: waits for those that it has, however long they take, or until <paramref name="end"/>, and ends the process.</summary>
    public async Task RetireAsync(CancellationToken end)
    {
        while (Running > 0 && !end.IsCancellationRequested)
        {
            await Task.Delay(Look, _time, end).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await DisposeAsync();
    }

    /// <summary>Lets calls end within the function's grace period, asks the process to end, ends it; at once when the gateway's own time is over.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _living;
        _stop.Dispose();
    }

    private async Task LiveAsync(Task after)
    {
        // The caller holds a lock; processes start without it.
        await Task.Yield();
        await after.WaitAsync(_stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        while (!_stop.IsCancellationRequested)
        {
            var started = _time.GetTimestamp();
            try
            {
                using var port = await TakePortAsync();
                started = _time.GetTimestamp();
                await RunOnceAsync(port, started);
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                break;
            }
            catch (Exception fault)
            {
                Log.ReplicaFailed(_log, _setup.Name.ToString(), fault.Message);
                Fail(started);
            }

            await Task.Delay(BackOff.Delay(Math.Max(1, _failures), MinPause, MaxPause), _time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        Become(ReplicaState.Gone);
    }

    // A process of ours that is on its way out leaves its port to this one, which is only starting meanwhile.
    private async Task<ProcessPort> TakePortAsync() => _setup.Settings.FixedPort is { } number
        ? await ProcessPort.TryTakeAsync(number, _leaving, _stop.Token) ?? throw Held(number)
        : ProcessPort.Take(_leaving);

    private async Task RunOnceAsync(ProcessPort port, long started)
    {
        var (addresses, variables) = Place(port);

        // What the former process left may hold the port for a moment longer. Whoever listens there, then or for good, would be taken for the new one.
        if (_setup.Settings.FixedPort is not null && !await ReadyProbe.UntilFreeAsync(addresses[0], LastWords, _time, _stop.Token))
        {
            throw Held(port.Number);
        }

        using var process = await ProcessGroup.StartAsync(_setup.Plan(variables, mergesErrors: false)) ?? throw new InvalidOperationException("its environment is too large");
        using var probe = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        using var hearing = new CancellationTokenSource();
        var instance = $"{process.Id}";
        process.Input.Close();
        var listening = Task.WhenAll(
            LineReader.CopyAsync(process.Output, _setup.Log, instance, hearing.Token),
            LineReader.CopyAsync(process.Errors, _setup.Log, instance, hearing.Token));
        var exiting = process.ExitedAsync(CancellationToken.None);
        try
        {
            var probing = ReadyProbe.WaitAsync(addresses, _setup.Settings.ReadyPath, _time, probe.Token);
            var late = Task.Delay(Patience, _time, probe.Token);
            if (await Task.WhenAny(probing, exiting, late) == late && late.IsCompletedSuccessfully)
            {
                TellLate(instance, process.Id, port.Number);
                Become(ReplicaState.Down);
            }

            if (await Task.WhenAny(probing, exiting) == probing)
            {
                Address = await probing;
                Become(ReplicaState.Ready);
            }

            await exiting.WaitAsync(_stop.Token);
            Fail(started);
            _setup.Log.Write(instance, $"exited with {process.ExitCode}");
            Log.ReplicaExited(_log, _setup.Name.ToString(), process.Id, process.ExitCode);
        }
        catch (OperationCanceledException)
        {
            await LeaveAsync(process, exiting);
            throw;
        }
        finally
        {
            await probe.CancelAsync();
            await process.EndAsync();
            await listening.WaitAsync(LastWords, _time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await hearing.CancelAsync();
            await listening;
        }
    }

    private async Task LeaveAsync(ProcessGroup process, Task exiting)
    {
        Become(ReplicaState.Gone);
        using var patience = new TimeLimit(_setup.Settings.GracePeriod, _time, _setup.Cut);
        while (Running > 0 && !patience.Token.IsCancellationRequested)
        {
            await Task.Delay(Look, _time, patience.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        process.AskToEnd();
        await exiting.WaitAsync(patience.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (exiting.IsCompleted)
        {
            return;
        }

        if (patience.IsOver)
        {
            _setup.Log.Write($"{process.Id}", "did not end within its write_timeout and is killed");
            Log.ReplicaKilled(_log, _setup.Name.ToString(), process.Id, _setup.Settings.GracePeriod, Running);
        }
        else
        {
            _setup.Log.Write($"{process.Id}", "did not end before the gateway does and is killed");
            Log.ReplicaCut(_log, _setup.Name.ToString(), process.Id, Running);
        }
    }

    private void TellLate(string instance, int pid, int port)
    {
        var missing = _setup.Settings.ReadyPath is { } path ? $"{path} does not answer 200 on port {port}" : $"nobody listens on port {port} of this machine's loopback addresses";
        _setup.Log.Write(instance, $"runs and is not ready: {missing}");
        Log.ReplicaNotReady(_log, _setup.Name.ToString(), pid, Patience, missing);
    }

    private static InvalidOperationException Held(int port) => new($"port {port} is held by another process");

    // Servers that are told to listen at "localhost" take one of its two addresses.
    private (IReadOnlyList<string> Addresses, IReadOnlyDictionary<string, string> Variables) Place(ProcessPort port) => _setup.Settings.FixedPort is null
        ? ([$"http://127.0.0.1:{port.Number}", $"http://[::1]:{port.Number}"], new Dictionary<string, string>(_setup.Variables) { ["PORT"] = port.Number.ToString(CultureInfo.InvariantCulture) })
        : ([_setup.Settings.UpstreamUrl!.AbsoluteUri.TrimEnd('/')], _setup.Variables);

    // A process that just died after a good while is only starting again: calls wait for it.
    private void Fail(long started)
    {
        _failures = _time.GetElapsedTime(started) > Stable ? 0 : _failures + 1;
        Become(_failures <= 1 ? ReplicaState.Starting : ReplicaState.Down);
    }

    private void Become(ReplicaState state)
    {
        _state = state;
        Interlocked.Exchange(ref _changed, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
    }
}

/// <summary>What can be expected of a <see cref="Replica"/>.</summary>
internal enum ReplicaState
{
    /// <summary>It will be ready soon: worth waiting for.</summary>
    Starting,

    Ready,

    /// <summary>It died more than once in a row, or has been starting for too long.</summary>
    Down,

    /// <summary>It takes no more calls.</summary>
    Gone,
}
