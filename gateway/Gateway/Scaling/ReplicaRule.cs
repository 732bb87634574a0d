using Connectors.Provider.Contracts;

namespace Connectors.Gateway.Scaling;

/// <summary>What there is to do for a function.</summary>
/// <param name="Waiting">Calls that wait in its queue.</param>
/// <param name="Running">Calls of its queue that run.</param>
/// <param name="IsCalled">Whether anybody called it since the last look, or is calling it.</param>
internal readonly record struct FunctionLoad(long Waiting, long Running, bool IsCalled);

/// <summary>
/// How many replicas a function is to have, looked at again and again. What waits asks for more of them; what waits and runs says how many may stay. So
/// calls that all run are no reason for another replica, and none for taking away those that run them. Times are since any fixed moment.
/// <code>
/// target 5, proportion 1, max 10:  waiting 12, running 0, replicas 1 → 3
///                                  waiting  0, running 12, replicas 3 → 3
///                                  waiting  0, running 4, replicas 3 → 1
/// </code>
/// </summary>
internal sealed class ReplicaRule(TimeSpan begin)
{
    private TimeSpan _needed = begin;

    // Since when fewer replicas are enough, and the most that were needed since then.
    private TimeSpan? _surplusSince;
    private ulong _mostNeeded;

    public ulong Next(ScaleLabels labels, ulong replicas, FunctionLoad load, TimeSpan now)
    {
        if (load is not { Waiting: 0, Running: 0, IsCalled: false })
        {
            _needed = now;
        }
        else if (labels.ToZero && now - _needed >= labels.ZeroDuration)
        {
            return 0;
        }

        // Who runs a call that came without the queue wakes it; here only what waits does.
        if (replicas == 0)
        {
            return load.Waiting > 0 ? For(load.Waiting) : 0;
        }

        var atLeast = For(load.Waiting);
        var atMost = For(load.Waiting + load.Running);
        if (atMost >= replicas)
        {
            _surplusSince = null;
            return Math.Max(atLeast, replicas);
        }

        (_surplusSince, _mostNeeded) = _surplusSince is { } since ? (since, Math.Max(_mostNeeded, atMost)) : (now, atMost);
        if (now - _surplusSince < labels.DownWindow)
        {
            return replicas;
        }

        _surplusSince = null;
        return _mostNeeded;

        ulong For(long calls) => (ulong)Math.Clamp(Math.Ceiling(calls / (labels.Target * labels.Proportion)), labels.Min, labels.Max);
    }
}
