using System.Globalization;
using Connectors.Sdk.Hosting;

namespace Connectors.Sdk.Invocation;

/// <summary>Reads a <see cref="RetryPolicy"/> from the options that services share.</summary>
public static class RetryOptions
{
    private static readonly IReadOnlySet<int> DefaultCodes = new HashSet<int> { 408, 429, 500, 502, 503, 504 };

    /// <summary>What holds unless options say otherwise.</summary>
    public static RetryPolicy Defaults(int attempts, TimeSpan minWait, TimeSpan maxWait, BackOffKind backOff) =>
        new() { Attempts = attempts, Codes = DefaultCodes, MinWait = minWait, MaxWait = maxWait, BackOff = backOff };

    /// <summary>Reads the options.</summary>
    /// <param name="settings">Where they stand.</param>
    /// <param name="what">What is sent again, for their meanings: <c>a call</c>.</param>
    /// <param name="defaults">What holds unless they say otherwise.</param>
    public static RetryPolicy Read(Settings settings, string what, RetryPolicy defaults)
    {
        var policy = new RetryPolicy
        {
            Attempts = settings.Number("max_retry_attempts", defaults.Attempts, $"How often {what} is sent in all, the first time included", 1),
            MinWait = settings.Duration("initial_retry_wait", defaults.MinWait, $"Wait before {what} is sent the second time"),
            MaxWait = settings.Duration("max_retry_wait", defaults.MaxWait, $"Longest wait between two sends of {what}"),
            Codes = ReadCodes(settings, what, defaults.Codes),
            BackOff = settings.Choice("backoff", defaults.BackOff, "How waits are spread: exponential (not), full (0 to 100 %) or equal (50 to 100 %)"),
        };

        if (policy.MaxWait < policy.MinWait)
        {
            settings.Fault("max_retry_wait", "no shorter than initial_retry_wait");
        }

        return policy;
    }

    private static HashSet<int> ReadCodes(Settings settings, string what, IReadOnlySet<int> defaults)
    {
        const string name = "retry_http_codes";
        var codes = new HashSet<int>();
        foreach (var text in settings.List(name, string.Join(',', defaults.Order()), $"HTTP statuses after which {what} is sent again"))
        {
            if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var code) || code is < 400 or > 599)
            {
                settings.Fault(name, "statuses from 400 to 599, separated by commas");
                break;
            }

            codes.Add(code);
        }

        return codes;
    }
}
