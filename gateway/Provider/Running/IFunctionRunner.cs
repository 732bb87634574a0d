using Connectors.Provider.Contracts;

namespace Connectors.Provider.Running;

/// <summary>
/// One way to let a function answer: a process for each call, processes that stay, or a service that somebody else runs. It is disposed of when its function is
/// deleted or the gateway stops, more than once maybe: what runs then ends within the function's <c>write_timeout</c>.
/// </summary>
internal interface IFunctionRunner : IAsyncDisposable
{
    /// <summary>Replicas that could take a call right now, of those asked for.</summary>
    int Available { get; }

    /// <summary>Whether so many replicas can be run; if not, why.</summary>
    string? RefusalOf(int replicas);

    /// <summary>Whether no other runner of the function may have processes at the same time.</summary>
    bool IsAlone { get; }

    /// <summary>Has so many replicas from now on, new ones once <paramref name="after"/> has ended; none once it was disposed.</summary>
    /// <returns>The end of those that are too many; new ones are not waited for.</returns>
    Task Scale(int replicas, Task after);

    /// <summary>
    /// Answers the caller. False means that it has not, because there is no replica and none is on its way: the function was replaced, removed or scaled
    /// to zero meanwhile. <paramref name="ct"/> is the call's time limit and its caller; its end is thrown.
    /// </summary>
    Task<bool> AnswerAsync(HttpContext caller, FunctionPath path, CancellationToken ct);

    /// <summary>For one that was replaced, and gets no more calls. Ends with its last process; those of forked calls end with their calls.</summary>
    Task RetireAsync();
}
