using Connectors.Gateway.Enqueueing;
using Connectors.Sdk.Invocation;

namespace Connectors.Gateway.Queues;

/// <summary>Which letters are meant; null means all.</summary>
internal sealed record DeadFilter(FunctionName? Function, string? Reason, DateTimeOffset? Since, DateTimeOffset? Until, string? Tag)
{
    public static readonly string Rule = $"{QueueQuery.FunctionRule} since, until: {QueryTime.Rule}, between which a letter ended; {CallTags.TagRule}";

    /// <summary>Whether it asks for nothing more than the function, which the server finds by itself.</summary>
    public bool IsOfFunction => Reason is null && Since is null && Until is null && Tag is null;

    public bool IsAll => Function is null && IsOfFunction;

    /// <summary>Not for the function: the server found the letters by that.</summary>
    public bool Matches(DeadLetter letter) =>
        (Reason is null || letter.Biography?.Reason == Reason) && !(letter.EndedAt < Since) && !(letter.EndedAt >= Until) && (Tag is null || letter.Tags.Contains(Tag));

    /// <summary>Null if a text cannot be read; empty ones are not given.</summary>
    public static DeadFilter? TryRead(string? function, string? reason, string? since, string? until, string? tag, string defaultNamespace, TimeProvider time) =>
        QueueQuery.TryFunction(function, defaultNamespace, out var name) && QueryTime.TryRead(since, time, out var from) && QueryTime.TryRead(until, time, out var to)
        && (string.IsNullOrEmpty(tag) || CallTags.IsTag(tag))
            ? new DeadFilter(name, string.IsNullOrEmpty(reason) ? null : reason, from, to, string.IsNullOrEmpty(tag) ? null : tag)
            : null;
}
