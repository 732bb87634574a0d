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
internal sealed class RemoteCatalog(ProviderClient client, string defaultNamespace, TimeProvider time, ILogger<RemoteCatalog> log)
{
    // Namespaces that are asked for together.
    private const int AtOnce = 8;

    // Of what is odd, in one line of the log.
    private const int MaxTold = 10;

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

    // Whether the list was found to name no ready replicas where there are some.
    private volatile bool _isReadinessUntold;

    // What was odd in the list when that was told last.
    private string _odd = "";

    /// <summary>Reads every function of every namespace; a failure keeps the last list.</summary>
    public async Task<IReadOnlyList<FunctionStatus>> RefreshAsync(CancellationToken ct)
    {
        var started = time.GetTimestamp();
        var namespaces = await client.ListNamespacesAsync(ct);
        var lists = new ProviderList<FunctionStatus>[namespaces.Items.Count];
        await Parallel.ForEachAsync(
            Enumerable.Range(0, lists.Length),
            new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = ct },
            async (i, stop) => lists[i] = await client.ListAsync(namespaces.Items[i], stop));
        Tell([.. namespaces.Oddities, .. lists.SelectMany(list => list.Oddities)]);

        // One that passes over the namespace lists the same functions for each.
        var functions = lists.SelectMany((list, i) => list.Items.Select(function => function with { Namespace = function.Namespace ?? namespaces.Items[i] }));
        var all = await WithReadinessAsync([.. functions.DistinctBy(NameOf)], ct);

        // Its age counts from here: a list that takes longer to read than one may be old would never count otherwise.
        _last = new Snapshot(all.ToFrozenDictionary(NameOf), time.GetTimestamp());

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

    // What an entry leaves out is zero; but the lists of some providers, as that of faasd, name no ready replicas at all. Where no entry does, what is said of a
    // single function counts.
    private async Task<IReadOnlyList<FunctionStatus>> WithReadinessAsync(IReadOnlyList<FunctionStatus> all, CancellationToken ct)
    {
        if (all.Any(function => function.AvailableReplicas is not null) || all.FirstOrDefault(function => function.Replicas > 0 && NameOf(function).IsValid) is not { } one)
        {
            return all;
        }

        try
        {
            _isReadinessUntold = await client.FindAsync(NameOf(one), ct) is { AvailableReplicas: > 0 };
        }
        catch (HttpRequestException)
        {
            // The list was read all the same; what was found last stands.
        }

        return _isReadinessUntold ? [.. from function in all select function with { IsReadinessUntold = function.Replicas > 0 }] : all;
    }

    // Once for what is odd at a time: its order may be another in each list.
    private void Tell(IReadOnlyList<string> oddities)
    {
        var odd = oddities.Distinct().Order(StringComparer.Ordinal).ToList();
        var told = string.Join("; ", odd.Take(MaxTold));
        if (Interlocked.Exchange(ref _odd, told) != told && odd.Count > 0)
        {
            Log.ListedOddly(log, odd.Count, told);
        }
    }

    private FunctionName NameOf(FunctionStatus function) => new(function.Name, function.Namespace ?? defaultNamespace);

    private sealed record Snapshot(FrozenDictionary<FunctionName, FunctionStatus> Functions, long? TakenAt);
}
