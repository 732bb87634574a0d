namespace Connectors.Client;

/// <summary>A call that is stored: it ends in exactly one recorded end.</summary>
/// <param name="CallId">The id to ask for its result and to cancel it.</param>
/// <param name="IsDuplicate">Whether it was stored before, under the same idempotency key; then nothing was stored now.</param>
public sealed record AcceptedCall(string CallId, bool IsDuplicate);

/// <summary>How a call ended.</summary>
/// <param name="CallId">The call's id.</param>
/// <param name="State">
/// <c>succeeded</c>, or why not: for example <c>exhausted</c>, <c>cancelled</c>, <c>expired</c>, or <c>purged</c>, which may be followed by another if it ran then.
/// </param>
/// <param name="Status">The function's HTTP status; 499 if cancelled, 504 too slow or expired, 503 unreachable, 502 given up with its workers, 410 purged.</param>
/// <param name="Duration">How long the last attempt took.</param>
/// <param name="Headers">The function's headers as they are told, the gateway's own among them.</param>
/// <param name="Body">The function's body.</param>
/// <param name="IsDropped">Whether the body was too large to be kept, and is missing here.</param>
public sealed record CallResult(
    string CallId, string State, int Status, TimeSpan Duration, IReadOnlyList<KeyValuePair<string, string>> Headers, ReadOnlyMemory<byte> Body, bool IsDropped)
{
    /// <summary>Whether the function answered with 2xx.</summary>
    public bool IsSuccess => Status is >= 200 and <= 299;

    /// <summary>The body as UTF-8 text.</summary>
    public string Text => System.Text.Encoding.UTF8.GetString(Body.Span);
}
