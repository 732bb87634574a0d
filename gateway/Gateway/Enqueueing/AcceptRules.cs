using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.Gateway.Enqueueing;

/// <summary>What an async call's headers must be like, checked before anything is read or asked.</summary>
internal static partial class AcceptRules
{
    private const int MaxHops = 16;

    // Every server should take 8,000 (RFC 9110 4.1).
    private const int MaxCallback = 8 * 1024;

    // Of a host's name, and of each of its parts (RFC 1035 2.3.4).
    private const int MaxHost = 255;
    private const int MaxLabel = 63;
    private static readonly char[] Dots = ['.', '\u3002', '\uff0e', '\uff61'];

    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
    private static readonly IdnMapping HostNames = new();

    public static Refusal? Check(HttpRequest request, long bodyLimit, QueueOptions options, DateTimeOffset now) =>
        CheckHops(request) ?? CheckCallback(request) ?? CheckKey(request) ?? ResultAge.Read(request, options.MaxResultAge, out _) ?? CallTags.Read(request, out _)
        ?? DueTime.Read(request, options.MaxDelay, now, out _) ?? CheckLength(request, bodyLimit);

    /// <summary>How many callbacks lie between the first caller and this request; what is no number counts as none.</summary>
    public static int HopsOf(HttpRequest request) =>
        int.TryParse(request.Headers[CallHeaders.CallbackHops], NumberStyles.None, null, out var hops) ? hops : 0;

    /// <summary>
    /// The callback's address as it goes out, null for none: as given, but for bytes that may not stand in an address, which are percent-encoded
    /// (<c>/ü</c> in UTF-8 becomes <c>/%C3%BC</c>), a host's name of such bytes, which becomes what DNS knows (<c>xn--…</c>), and a fragment, which is no server's
    /// business. An empty header counts as none.
    /// </summary>
    public static string? CallbackOf(HttpRequest request)
    {
        var given = request.Headers[CallHeaders.CallbackUrl].ToString().Trim();
        return given.Length == 0 ? null : string.Concat(WithAsciiHost(given.Split('#')[0]).Select(c => c is > ' ' and < '\x7f' ? c.ToString() : $"%{(int)c:X2}"));
    }

    private static string WithAsciiHost(string address) =>
        Ascii.IsValid(address) ? address : Authority().Replace(address, authority => authority.Groups[1].Value + AsciiHost(authority.Groups[2].Value));

    private static string AsciiHost(string host)
    {
        if (Ascii.IsValid(host))
        {
            return host;
        }

        try
        {
            var name = Utf8.GetString(Encoding.Latin1.GetBytes(host));
            return IsShort(name) ? HostNames.GetAscii(name.ToLowerInvariant()) : host;
        }
        catch (ArgumentException)
        {
            // Neither UTF-8 nor a name, as one that is too long: percent-encoded it makes the address none.
            return host;
        }
    }

    // Each character of a name leaves at least one of what DNS knows. How long that takes to find grows with the square of their number: more are not tried.
    private static bool IsShort(string host) => host.EnumerateRunes().Count() <= MaxHost && host.Split(Dots).All(label => label.EnumerateRunes().Count() <= MaxLabel);

    private static Refusal? CheckHops(HttpRequest request) => HopsOf(request) > MaxHops
        ? new Refusal(StatusCodes.Status508LoopDetected, $"{CallHeaders.CallbackHops} is over {MaxHops}: these callbacks call each other.")
        : null;

    private static Refusal? CheckCallback(HttpRequest request)
    {
        if (request.Headers[CallHeaders.CallbackUrl].ToString().Length > MaxCallback)
        {
            return new Refusal(StatusCodes.Status400BadRequest, $"{CallHeaders.CallbackUrl}: an address of at most {MaxCallback} characters is allowed.");
        }

        var callback = CallbackOf(request);
        return callback is null || (request.Headers[CallHeaders.CallbackUrl].Count == 1 && Uri.TryCreate(callback, UriKind.Absolute, out var url) && url.Scheme is "http" or "https" && url.Host.Length > 0)
            ? null
            : new Refusal(StatusCodes.Status400BadRequest, $"{CallHeaders.CallbackUrl}: one absolute http or https address is allowed.");
    }

    private static Refusal? CheckKey(HttpRequest request)
    {
        var given = request.Headers[WellKnownHeaders.IdempotencyKey];
        return given.Count == 0 || (given.Count == 1 && Key().IsMatch(given[0]!))
            ? null
            : new Refusal(StatusCodes.Status400BadRequest, $"{WellKnownHeaders.IdempotencyKey}: one of 1 to 128 characters A-Z a-z 0-9 _ . : - is allowed.");
    }

    private static Refusal? CheckLength(HttpRequest request, long limit) => request.ContentLength > limit ? Refusal.TooLarge(limit, request.ContentLength) : null;

    // Scheme and credentials, then the host.
    [GeneratedRegex(@"^([^:/?#\\]+://(?:[^/?#\\]*@)?)([^/?#\\@:]+)")]
    private static partial Regex Authority();

    [GeneratedRegex(@"^[A-Za-z0-9_.:-]{1,128}\z")]
    private static partial Regex Key();
}
