using System.Collections.Concurrent;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.Gateway.Provider.Remote;

/// <summary>
/// Before a call: has the function a replica that can take it? If there is none, one is asked for and waited for; all callers of a function
/// share that one request.
/// </summary>
internal sealed class ScaleFromZero(ProviderClient client, RemoteCatalog catalog, TimeProvider time)
{
    private const int MaxTries = 20;
    private const int MaxPolls = 1000;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LookupLimit = TimeSpan.FromSeconds(5);

    private readonly SeenReplicas _seen = new(time);
    private readonly ConcurrentDictionary<FunctionName, Lazy<Task<Waking>>> _waking = new();

    /// <summary>Returns when the call may go on; otherwise why it may not.</summary>
    public async Task<Waking> ReadyAsync(FunctionName function, CancellationToken ct)
    {
        if (_seen.Has(function))
        {
            return Waking.Ready;
        }

        return await _waking.GetOrAdd(function, name => new Lazy<Task<Waking>>(() => WakeAsync(name))).Value.WaitAsync(ct);
    }

    // Belongs to no one caller: the others still wait when one leaves, and when all have left it still takes itself out, or the next caller, hours later,
    // would be handed what it found.
    private async Task<Waking> WakeAsync(FunctionName function)
    {
        try
        {
            return await TryWakeAsync(function);
        }
        finally
        {
            _waking.TryRemove(function, out _);
        }
    }

    private async Task<Waking> TryWakeAsync(FunctionName function)
    {
        FunctionStatus? status;
        try
        {
            status = await FindAsync(function);
        }
        catch (Exception fault) when (fault is HttpRequestException or OperationCanceledException)
        {
            // Away, not missing: the call itself will say so.
            return Waking.Ready;
        }

        if (status is null)
        {
            _seen.Remove(function);
            return Waking.Missing;
        }

        try
        {
            if (status.Replicas is null or 0)
            {
                await ScaleAsync(function, MinReplicas.Of(status));
            }

            await WaitAvailableAsync(function, status);
            return Waking.Ready;
        }
        catch (Exception fault) when (fault is HttpRequestException or OperationCanceledException)
        {
            return new Waking(WakingKind.Failed, fault.Message);
        }
    }

    private async Task ScaleAsync(FunctionName function, ulong replicas)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                using var limit = new CancellationTokenSource(LookupLimit, time);
                await client.ScaleAsync(function, replicas, limit.Token);
                return;
            }
            catch (Exception fault) when (attempt < MaxTries && fault is HttpRequestException or OperationCanceledException)
            {
                await Task.Delay(Pause, time, CancellationToken.None);
            }
        }
    }

    // A budget that runs out is no error: the provider answers the call as it sees fit.
    private async Task WaitAvailableAsync(FunctionName function, FunctionStatus? status)
    {
        for (var poll = 0; poll < MaxPolls; poll++)
        {
            if (status?.AvailableReplicas > 0)
            {
                _seen.Add(function);
                return;
            }

            await Task.Delay(Pause, time, CancellationToken.None);
            status = await FindAsync(function) ?? throw new HttpRequestException("it was removed meanwhile");
        }
    }

    private async Task<FunctionStatus?> FindAsync(FunctionName function)
    {
        using var limit = new CancellationTokenSource(LookupLimit, time);
        return await catalog.AskAsync(function, limit.Token);
    }
}

/// <summary>
/// Functions that were seen with a replica just now. They are known by the names that callers chose: a provider that passes over namespaces has each function in any,
/// so none is kept for longer than it is of use.
/// </summary>
internal sealed class SeenReplicas(TimeProvider time)
{
    private static readonly TimeSpan Fresh = TimeSpan.FromMilliseconds(250);

    private readonly ConcurrentDictionary<FunctionName, long> _at = new();
    private long _swept = time.GetTimestamp();

    /// <summary>How many are kept, those that are of no use any more included.</summary>
    public int Count => _at.Count;

    public bool Has(FunctionName function) => _at.TryGetValue(function, out var at) && IsFresh(at);

    public void Add(FunctionName function)
    {
        _at[function] = time.GetTimestamp();
        var swept = Volatile.Read(ref _swept);
        if (!IsFresh(swept) && Interlocked.CompareExchange(ref _swept, time.GetTimestamp(), swept) == swept)
        {
            Sweep();
        }
    }

    public void Remove(FunctionName function) => _at.TryRemove(function, out _);

    // One that was seen again meanwhile stays.
    private void Sweep()
    {
        foreach (var seen in _at)
        {
            if (!IsFresh(seen.Value))
            {
                _at.TryRemove(seen);
            }
        }
    }

    private bool IsFresh(long at) => time.GetElapsedTime(at) <= Fresh;
}

/// <summary>Whether a call may go on.</summary>
/// <param name="Kind">Yes, or why not.</param>
/// <param name="Error">What failed.</param>
internal readonly record struct Waking(WakingKind Kind, string Error = "")
{
    public static Waking Ready => new(WakingKind.Ready);

    public static Waking Missing => new(WakingKind.Missing, "not found");
}

/// <summary>The kinds of <see cref="Waking"/>.</summary>
internal enum WakingKind
{
    Ready,
    Missing,
    Failed,
}
