using Connectors.Provider.Contracts;

namespace Connectors.Provider.Running;

/// <summary>One way to let a function answer: a process for each call, processes that stay, or a service that somebody else runs.</summary>
internal interface IFunctionRunner : IAsyncDisposable
{
    /// <summary>Replicas that could take a call right now, of those asked for.</summary>
    int Available { get; }

    /// <summary>Whether so many replicas can be run; if not, why.</summary>
    string? RefusalOf(int replicas);

    /// <summary>Has so many replicas from now on. Does not wait for them.</summary>
    void Scale(int replicas);

    /// <summary>Answers the caller. <paramref name="ct"/> is the call's time limit and its caller; its end is thrown.</summary>
    Task AnswerAsync(HttpContext caller, FunctionPath path, CancellationToken ct);
}
