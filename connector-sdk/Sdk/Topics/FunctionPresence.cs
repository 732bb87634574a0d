using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;

namespace Connectors.Sdk.Topics;

/// <summary>
/// Whether functions have gone, asked of the gateway by one look for all who want to know at a time; that one has gone is kept for a moment, for all
/// functions are listed to find out. That it is there is good only for who asked before the look began: it may have gone since.
/// </summary>
/// <param name="catalog">Looks.</param>
/// <param name="limit">How long a look may take.</param>
/// <param name="time">The clock.</param>
internal sealed class FunctionPresence(FunctionCatalog catalog, TimeSpan limit, TimeProvider time)
{
    /// <summary>For how long it is kept that a function has gone, counted from the begin of the look.</summary>
    public static readonly TimeSpan Kept = TimeSpan.FromSeconds(2);

    /// <summary>Of how many functions at most a look is kept; of more, those that began first are forgotten.</summary>
    public const int MaxKept = 256;

    // Guards the looks by function.
    private readonly Lock _gate = new();
    private readonly Dictionary<FunctionName, Look> _looks = [];

    /// <summary>Whether the gateway does not have a function any more; one that cannot be asked has none.</summary>
    /// <param name="function">The function.</param>
    /// <param name="ct">Waits no longer, for this caller alone: true then.</param>
    public async Task<bool> IsGoneAsync(FunctionName function, CancellationToken ct)
    {
        var asked = time.GetTimestamp();
        try
        {
            while (true)
            {
                var look = Find(function);
                var isGone = await look.IsGone.WaitAsync(ct);
                if (isGone || look.Begun >= asked)
                {
                    return isGone;
                }
            }
        }
        catch (OperationCanceledException)
        {
            return true;
        }
    }

    private Look Find(FunctionName function)
    {
        lock (_gate)
        {
            var now = time.GetTimestamp();
            if (_looks.TryGetValue(function, out var look) && (!look.IsGone.IsCompleted || (look.HasFoundNone && time.GetElapsedTime(look.Begun, now) < Kept)))
            {
                return look;
            }

            _looks.Remove(function);
            if (_looks.Count >= MaxKept)
            {
                _looks.Remove(_looks.MinBy(kept => kept.Value.Begun).Key);
            }

            look = new Look(now);
            look.IsGone = Task.Run(() => LookAsync(function, look), CancellationToken.None);
            return _looks[function] = look;
        }
    }

    private async Task<bool> LookAsync(FunctionName function, Look look)
    {
        using var patience = new TimeLimit(limit, time);
        return look.HasFoundNone = !await catalog.HasAsync(function, patience.Token);
    }

    private sealed class Look(long begun)
    {
        public long Begun => begun;

        public bool HasFoundNone { get; set; }

        public Task<bool> IsGone { get; set; } = Task.FromResult(false);
    }
}
