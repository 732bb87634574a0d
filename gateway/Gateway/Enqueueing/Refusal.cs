using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.Gateway.Enqueueing;

/// <summary>Why an async call is not accepted.</summary>
/// <param name="Status">The answer's status.</param>
/// <param name="Text">The reason, for the caller.</param>
internal sealed record Refusal(int Status, string Text)
{
    // Long enough for a reconnect or a leader's election.
    private const string RetryAfterSeconds = "1";

    /// <summary>Not known to be stored: worth repeating, safe with the same <c>Idempotency-Key</c>.</summary>
    public static Refusal NotStored(string why) => new(StatusCodes.Status503ServiceUnavailable, why);

    public static Refusal TooLarge(long limit, long? size) => new(
        StatusCodes.Status413PayloadTooLarge,
        size is null ? $"The body is larger than {limit} bytes, the limit of async calls." : $"The body has {size} bytes; the limit of async calls is {limit}.");

    public Task AnswerAsync(HttpContext http)
    {
        if (Status == StatusCodes.Status503ServiceUnavailable)
        {
            http.Response.Headers.RetryAfter = RetryAfterSeconds;
        }

        if (Status >= 500)
        {
            http.Response.Headers[WellKnownHeaders.Internal] = "gateway";
        }

        return Answer.TextAsync(http, Status, Text);
    }
}
