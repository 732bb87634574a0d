namespace Connectors.Client;

/// <summary>How a call is to be treated. Each property is one header of the request; what is null is not sent.</summary>
public sealed record CallOptions
{
    /// <summary>The body's media type.</summary>
    public string ContentType { get; init; } = "application/octet-stream";

    /// <summary>Where the call's end is posted to, signed if the queue-worker has a secret; see <see cref="CallbackVerifier"/>.</summary>
    public Uri? Callback { get; init; }

    /// <summary>
    /// 1 to 128 of <c>A-Z a-z 0-9 _ . : -</c>, the same for every repeat of one intended call: the queue keeps one call for each key and function.
    /// </summary>
    public string? IdempotencyKey { get; init; }

    /// <summary>How long a call with an <see cref="IdempotencyKey"/> is submitted again while it is not known to be stored; zero for once.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// The call's id, instead of one that is made: 1 to 256 visible ASCII characters. Whoever knows it may ask for the result and cancel. Whoever submits a call
    /// with an <see cref="IdempotencyKey"/> more than once names the same one each time: a repeat's own id would be of no call.
    /// </summary>
    public string? CallId { get; init; }

    /// <summary>How long the result is kept for <see cref="FunctionClient.ResultAsync"/>, at most 24 hours.</summary>
    public TimeSpan? KeepResult { get; init; }

    /// <summary>How long to wait before the call may run.</summary>
    public TimeSpan? Delay { get; init; }

    /// <summary>When the call may run at the earliest, instead of <see cref="Delay"/>.</summary>
    public DateTimeOffset? NotBefore { get; init; }

    /// <summary>Words by which the call can be found later, at most 8, without commas.</summary>
    public IReadOnlyList<string> Tags { get; init; } = [];

    /// <summary>Whether the call goes before others of its queue.</summary>
    public CallPriority Priority { get; init; }

    /// <summary>More headers for the function, as pairs of name and value.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Headers { get; init; } = [];

    internal IEnumerable<KeyValuePair<string, string>> AllHeaders()
    {
        if (Delay is not null && NotBefore is not null)
        {
            throw new ArgumentException($"{nameof(Delay)} and {nameof(NotBefore)} exclude each other: set one of them.");
        }

        (string Name, string? Value)[] ours =
        [
            ("X-Callback-Url", Callback is null ? null : AddressOf(Callback)),
            ("Idempotency-Key", IdempotencyKey),
            ("X-Call-Id", CallId),
            ("X-Store-Result", KeepResult is { } keep ? Duration(keep) : null),
            ("X-Delay", Delay is { } delay ? Duration(delay) : null),
            ("X-Not-Before", NotBefore?.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", System.Globalization.CultureInfo.InvariantCulture)),
            ("X-Call-Tags", Tags.Count > 0 ? string.Join(',', Tags) : null),
            ("X-Priority", Priority == CallPriority.High ? "high" : null),
        ];
        return ours.Where(header => header.Value is not null).Select(header => KeyValuePair.Create(header.Name, header.Value!)).Concat(Headers);
    }

    // A header is of ASCII: a host beyond it is written as DNS knows it.
    private static string AddressOf(Uri callback) =>
        System.Text.Ascii.IsValid(callback.Host) ? callback.AbsoluteUri : new UriBuilder(callback) { Host = callback.IdnHost }.Uri.AbsoluteUri;

    // Rounded up: what is asked for is the least that counts.
    private static string Duration(TimeSpan time) => $"{Math.Ceiling(time.TotalMilliseconds).ToString("F0", System.Globalization.CultureInfo.InvariantCulture)}ms";
}

/// <summary>Which calls of a queue go first.</summary>
public enum CallPriority
{
    /// <summary>In the order in which they were accepted.</summary>
    Normal,

    /// <summary>Before the normal ones.</summary>
    High,
}
