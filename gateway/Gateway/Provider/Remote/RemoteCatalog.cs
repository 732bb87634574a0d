using System.Collections.Concurrent;
using System.Collections.Frozen;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using Polly;
using Polly.CircuitBreaker;

namespace Connectors.Gateway.Provider.Remote;

/// <summary>
/// A remote provider's functions: a list at most five seconds old, plus one direct look-up for what is not in it. While the provider is away the
/// last list stands in, and what it does not hold is unknown rather than missing.
/// </summary>
internal sealed class RemoteCatalog(ProviderClient client, string defaultNamespace, TimeProvider time)
{
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(5);

    // Look-ups stand between a caller and its 202: a provider that hangs must not hold them all.
    private readonly ResiliencePipeline _lookups = new ResiliencePipelineBuilder { TimeProvider = time }
        .AddCircuitBreaker(new CircuitBreakerStrategyOptions
        {
            MinimumThroughput = 3,
            FailureRatio = 0.5,
            SamplingDuration = TimeSpan.FromSeconds(5),
            BreakDuration = TimeSpan.FromSeconds(1),
        })
        .AddTimeout(TimeSpan.FromSeconds(1))
        .Build();

    // Found one by one after the list was read, and when: what was deployed a moment ago is known from then on.
    private readonly ConcurrentDictionary<FunctionName, long> _found = new();

    private volatile Snapshot _last = new(FrozenDictionary<FunctionName, FunctionStatus>.Empty, null);

    /// <summary>Reads every function of every namespace; a failure keeps the last list.</summary>
    public async Task<IReadOnlyList<FunctionStatus>> RefreshAsync(CancellationToken ct)
    {
        var started = time.GetTimestamp();
        var all = new List<FunctionStatus>();
        foreach (var ns in await client.ListNamespacesAsync(ct))
        {
            all.AddRange(from function in await client.ListAsync(ns, ct) select function with { Namespace = function.Namespace ?? ns });
        }

        _last = new Snapshot(all.DistinctBy(NameOf).ToFrozenDictionary(NameOf), started);

        // The list tells of those from now on, unless they were found after it was asked for.
        foreach (var found in _found.Where(found => found.Value < started))
        {
            _found.TryRemove(found);
        }

        return all;
    }

    public bool Knows(FunctionName function) => _last.Functions.ContainsKey(function) || _found.ContainsKey(function);

    /// <summary>Asks the provider itself. Null for a function that it does not have.</summary>
    public async Task<FunctionStatus?> AskAsync(FunctionName function, CancellationToken ct)
    {
        var status = await client.FindAsync(function, ct);

        // A provider that passes over the namespace finds a function in any: only its own name makes it known.
        if (status is not null && NameOf(status) == function)
        {
            _found[function] = time.GetTimestamp();
        }
        else
        {
            _found.TryRemove(function, out _);
        }

        return status;
    }

    public async Task<Lookup> FindAsync(FunctionName function, CancellationToken ct)
    {
        var last = _last;
        if (last.TakenAt is { } taken && time.GetElapsedTime(taken) <= Fresh && last.Functions.TryGetValue(function, out var listed))
        {
            return Lookup.Found(listed);
        }

        try
        {
            return await _lookups.ExecuteAsync(async stop => await AskAsync(function, stop), ct) is { } found ? Lookup.Found(found) : Lookup.Missing;
        }
        catch (Exception fault) when (fault is HttpRequestException or ExecutionRejectedException)
        {
            return last.Functions.TryGetValue(function, out listed) ? Lookup.Found(listed) : Lookup.Unknown;
        }
    }

    private FunctionName NameOf(FunctionStatus function) => new(function.Name, function.Namespace ?? defaultNamespace);

    private sealed record Snapshot(FrozenDictionary<FunctionName, FunctionStatus> Functions, long? TakenAt);
}
