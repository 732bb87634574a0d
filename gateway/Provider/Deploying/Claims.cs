using System.Collections.Concurrent;
using Connectors.Sdk.Invocation;

namespace Connectors.Provider.Deploying;

/// <summary>
/// Lets one at a time look at namespaces, secrets, names and ports and then change them, so that of two who want the same one is refused. A deployment, which takes
/// longer, claims its name and port meanwhile.
/// </summary>
internal sealed class Claims : IDisposable
{
    private readonly SemaphoreSlim _one = new(1, 1);
    private readonly ConcurrentDictionary<Claim, PortUse> _all = new();

    /// <summary>What is claimed now.</summary>
    public ICollection<PortUse> All => _all.Values;

    /// <summary>Waits for the others, until <paramref name="ct"/>, and keeps them waiting until the result is disposed.</summary>
    public async Task<IDisposable> EnterAsync(CancellationToken ct)
    {
        await _one.WaitAsync(ct);
        return new Turn(_one);
    }

    /// <summary>Claims until the result is disposed. Only for who has entered.</summary>
    public IDisposable Take(PortUse use)
    {
        var claim = new Claim(this);
        _all[claim] = use;
        return claim;
    }

    public void Dispose() => _one.Dispose();

    private sealed class Turn(SemaphoreSlim one) : IDisposable
    {
        public void Dispose() => one.Release();
    }

    private sealed class Claim(Claims claims) : IDisposable
    {
        public void Dispose() => claims._all.TryRemove(this, out _);
    }
}

/// <summary>A function and the port that its upstream_url names for its own process; null for none.</summary>
internal readonly record struct PortUse(FunctionName Function, int? Port);
