using Connectors.Sdk.Hosting;
using Connectors.Sdk.Topics;

namespace Connectors.QueueWorker.Callbacks;

/// <summary>
/// The hosts that an operator lets callbacks go to, by name as the callback URL gives it: <c>*</c> in an entry stands for any run of characters. The address
/// rules hold beside it: a host that is named here may still resolve to an address that is refused.
/// </summary>
internal sealed class CallbackHosts
{
    public const string Option = "allowed_callback_urls";

    private const string Nowhere = "none";

    private readonly HashSet<string> _names;
    private readonly List<TopicPattern> _patterns;

    public CallbackHosts(IReadOnlyList<string> globs)
    {
        _names = [.. globs.Select(Plain)];
        _patterns = [.. globs.Where(TopicPattern.IsPattern).Select(glob => new TopicPattern(Plain(glob)))];
    }

    public static CallbackHosts Read(Settings settings)
    {
        var globs = settings.List(Option, "*", "Hosts that callbacks may go to, such as *.example.com, separated by commas; none means nowhere");
        if (globs.Any(glob => glob.AsSpan().IndexOfAny("/@?# ") >= 0))
        {
            settings.Fault(Option, "hosts without scheme, port and path, in which * stands for anything, such as *.example.com; or none");
        }

        return new CallbackHosts(globs is [Nowhere] ? [] : globs);
    }

    /// <summary>Whether callbacks may go to a host.</summary>
    public bool Allow(string host) => Plain(host) is var plain && (_names.Contains(plain) || _patterns.Any(pattern => pattern.Matches(plain)));

    // Names are compared without case, and with or without the root's dot.
    private static string Plain(string host) => host.ToLowerInvariant().TrimEnd('.').Trim('[', ']');
}
