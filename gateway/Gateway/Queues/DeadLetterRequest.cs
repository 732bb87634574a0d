using System.Text.RegularExpressions;
using Connectors.Sdk.Invocation;

namespace Connectors.Gateway.Queues;

/// <summary>What a dead call was beside its body, or a dead callback: often the cause of its end. Who may only look sees it too, so what opens doors is <c>***</c>.</summary>
/// <param name="Method">The caller's verb; null for what is no call of ours.</param>
/// <param name="Path">What followed the function's name.</param>
/// <param name="Query">What followed the question mark.</param>
/// <param name="Headers">Names and values in their order; of a callback those of the function's answer, as the body is.</param>
/// <param name="Callback">Where the outcome is posted; null for nowhere.</param>
internal sealed partial record DeadLetterRequest(string? Method, string Path, string Query, IReadOnlyList<IReadOnlyList<string>> Headers, string? Callback)
{
    private const string Hidden = "***";

    public static DeadLetterRequest Of(DeadLetter letter) => new(
        letter.Envelope?.Method,
        letter.Envelope?.Path ?? "",
        Masked(letter.Envelope?.Query ?? ""),
        [.. (letter.Callback?.Headers ?? letter.Envelope?.Headers ?? []).Select(header => (IReadOnlyList<string>)[header.Name, Masked(header)])],
        letter.Envelope?.Callback is { } callback ? Masked(callback) : null);

    private static string Masked(Header header) => Credential().IsMatch(header.Name) || Scheme().IsMatch(header.Value) ? Hidden : Masked(header.Value);

    // Of addresses user and password, and of queries the values of such names; wherever they stand in a text.
    private static string Masked(string text) => Parameter().Replace(
        UserInfo().Replace(text, $"://{Hidden}@"),
        part => OpensDoors(part) || Holds(part.Groups["value"].Value) ? $"{part.Groups["name"].Value}={Hidden}" : part.Value);

    private static bool OpensDoors(Match part) => Uri.UnescapeDataString(part.Groups["name"].Value) is var name && (Credential().IsMatch(name) || Signature().IsMatch(name));

    // An address within an address is escaped.
    private static bool Holds(string value) =>
        value.Contains('%', StringComparison.Ordinal) && Uri.UnescapeDataString(value) is var text && (UserInfo().IsMatch(text) || Parameter().Matches(text).Any(OpensDoors));

    [GeneratedRegex(
        "authorization|cookie|token|secret|passw|passphrase|(api|access|account|auth|functions|private|subscription)[-_]?key|^(auth|code|jwt|key|pwd)$",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Credential();

    // As proxies hand on what they checked, under names of their own.
    [GeneratedRegex(@"^\s*(basic|bearer)\s", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Scheme();

    // Whoever has an address that is signed may use it. A header with one signs the body, and is looked at to see why it is refused.
    [GeneratedRegex("signature|^sig$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Signature();

    // An address's host ends before its path, query or fragment.
    [GeneratedRegex(@"://[^\s/?#]*@")]
    private static partial Regex UserInfo();

    [GeneratedRegex(@"(?<=^|[?&;,#\s])(?<name>[^=?&;,#\s]+)=(?<value>[^&;,#\s]+)")]
    private static partial Regex Parameter();
}
