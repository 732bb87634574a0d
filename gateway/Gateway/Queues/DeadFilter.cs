using Connectors.Sdk.Invocation;

namespace Connectors.Gateway.Queues;

/// <summary>Which letters are meant; null means all.</summary>
internal sealed record DeadFilter(FunctionName? Function, string? Reason, DateTimeOffset? Since, DateTimeOffset? Until)
{
    public const string Rule = $"function: a function's name, or name.namespace; since, until: {QueueQuery.TimeRule}, between which a letter ended.";

    /// <summary>Whether it asks for nothing more than the function, which the server finds by itself.</summary>
    public bool IsOfFunction => Reason is null && Since is null && Until is null;

    public bool IsAll => Function is null && IsOfFunction;

    /// <summary>Not for the function: the server found the letters by that.</summary>
    public bool Matches(DeadLetter letter) =>
        (Reason is null || letter.Biography?.Reason == Reason) && !(letter.EndedAt < Since) && !(letter.EndedAt >= Until);

    /// <summary>Null if a text cannot be read; empty ones are not given.</summary>
    public static DeadFilter? TryRead(string? function, string? reason, string? since, string? until, string defaultNamespace, TimeProvider time) =>
        QueueQuery.TryFunction(function, defaultNamespace, out var name) && QueueQuery.TryTime(since, time, out var from) && QueueQuery.TryTime(until, time, out var to)
            ? new DeadFilter(name, string.IsNullOrEmpty(reason) ? null : reason, from, to)
            : null;
}
