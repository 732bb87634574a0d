using System.Globalization;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.Gateway.Enqueueing;

/// <summary>What a function's annotations say of its async calls; they are fixed when a call is accepted. What is missing or unreadable is left to the worker's default.</summary>
internal sealed record FunctionSettings(string? Queue, RetrySettings? Retry, BreakerSettings? Breaker, int? MaxInflight)
{
    public static FunctionSettings None { get; } = new(null, null, null, null);

    /// <summary>Whether the provider has not said that there is a function of that very name: it could not be asked, or passes over namespaces.</summary>
    public bool IsUnlisted { get; init; }

    /// <param name="name">What the caller asked for.</param>
    /// <param name="function">What the provider said of it; null for nothing.</param>
    /// <param name="defaultNamespace">The namespace of a function that names none.</param>
    public static FunctionSettings Of(FunctionName name, FunctionStatus? function, string defaultNamespace) =>
        function is not null && name == new FunctionName(function.Name, function.Namespace is { Length: > 0 } ns ? ns : defaultNamespace)
            ? Read(function)
            : Read(function) with { IsUnlisted = true };

    private static FunctionSettings Read(FunctionStatus? function)
    {
        if (function?.Annotations is not { Count: > 0 } annotations)
        {
            return None;
        }

        var retry = new RetrySettings
        {
            Attempts = Text("com.openfaas.retry.attempts") == "0" ? 1 : Number("com.openfaas.retry.attempts"),
            Codes = Codes(Text("com.openfaas.retry.codes")),
            MinWait = Duration("com.openfaas.retry.min_wait"),
            MaxWait = Duration("com.openfaas.retry.max_wait"),
            MaxAge = Duration("com.openfaas.retry.max_age") is { } age && age > TimeSpan.Zero ? age : null,
        };
        var breaker = new BreakerSettings
        {
            Failures = Text("com.openfaas.breaker.failures") == "0" ? 0 : Number("com.openfaas.breaker.failures"),
            MinWait = Duration("com.openfaas.breaker.min_wait"),
            MaxWait = Duration("com.openfaas.breaker.max_wait"),
        };
        return new FunctionSettings(Text("com.openfaas.queue"), retry == Unset ? null : retry, breaker == NoBreaker ? null : breaker, Number("com.openfaas.queue.max_inflight"));

        string? Text(string name) => annotations.GetValueOrDefault(name)?.Trim() is { Length: > 0 } text ? text : null;

        int? Number(string name) => int.TryParse(Text(name), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0 ? number : null;

        // As an envelope is read: what is longer than anything waits counts as that.
        TimeSpan? Duration(string name) => !GoDuration.TryParse(Text(name), out var duration) ? null : duration < GoDuration.Max ? duration : GoDuration.Max;
    }

    private static readonly RetrySettings Unset = new();
    private static readonly BreakerSettings NoBreaker = new();

    // One code that is none leaves the whole list to the default: half a list is not what the author meant.
    private static List<int>? Codes(string? list)
    {
        var codes = new List<int>();
        foreach (var part in (list ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (!int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var code) || code is < 100 or > 599)
            {
                return null;
            }

            codes.Add(code);
        }

        return codes.Count > 0 ? codes : null;
    }
}
