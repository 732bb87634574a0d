using System.Collections.Concurrent;

namespace Connectors.Sdk.Hosting;

/// <summary>Named conditions of being ready; <c>/readyz</c> is their conjunction. A condition that was announced and not met yet counts as not met.</summary>
public sealed class Readiness
{
    private readonly ConcurrentDictionary<string, string?> _unmet = new();

    /// <summary>What is not met, each with its reason; empty when ready.</summary>
    public IReadOnlyList<string> Unmet => [.. _unmet.Where(c => c.Value is not null).Select(c => $"{c.Key}: {c.Value}").Order(StringComparer.Ordinal)];

    /// <summary>Announces a condition that is to be met before traffic.</summary>
    public void Announce(string condition) => _unmet.TryAdd(condition, "not yet");

    /// <summary>Says that a condition is met.</summary>
    public void Met(string condition) => _unmet[condition] = null;

    /// <summary>Says that a condition is not, or no longer, met, and why.</summary>
    public void Lost(string condition, string why) => _unmet[condition] = why;
}
