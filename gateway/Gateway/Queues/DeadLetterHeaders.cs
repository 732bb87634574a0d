using System.Globalization;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.Gateway.Queues;

/// <summary>A dead letter's biography as <c>X-Dead-*</c> headers beside its raw body. What was sent with that is <see cref="DeadLetterRequest"/>.</summary>
internal static class DeadLetterHeaders
{
    /// <summary>Names, and values that any server and client of HTTP takes, whatever the letter holds.</summary>
    public static IEnumerable<(string Name, string Value)> Of(DeadLetter letter) => Told(letter).Select(header => (header.Name, OneLine(header.Value)));

    private static IEnumerable<(string Name, string Value)> Told(DeadLetter letter)
    {
        yield return ("X-Dead-Seq", Text(letter.Seq));
        yield return ("X-Dead-Kind", letter.Kind);
        yield return ("X-Dead-Function", letter.Function);
        if (letter.Envelope is { } envelope)
        {
            yield return ("X-Dead-Call-Id", envelope.CallId);
            yield return ("X-Dead-Delivery-Id", envelope.DeliveryId);
            yield return ("X-Dead-Redrive", Text(envelope.Redrive));
            yield return ("X-Dead-Submitted", Time(envelope.Submitted));
            yield return ("X-Dead-Path", envelope.Path);
        }

        if (letter.Tags.Count > 0)
        {
            yield return ("X-Dead-Tags", string.Join(',', letter.Tags));
        }

        if (letter.Envelope?.Edited is { } edited)
        {
            yield return ("X-Dead-Edited", $"{string.Join(',', edited.Changed)}; was {edited.Seq} of {edited.Function}; {Time(edited.At)}");
        }

        if (letter.Biography is { } biography)
        {
            yield return ("X-Dead-Reason", biography.Reason);
            yield return ("X-Dead-Attempts", Text(biography.Attempts));
            yield return ("X-Dead-First-At", Time(biography.FirstAt));
            yield return ("X-Dead-Last-At", Time(biography.LastAt));
            if (biography.Status is { } status)
            {
                yield return ("X-Dead-Status", Text(status));
            }

            if (biography.Error is { } error)
            {
                yield return ("X-Dead-Error", error);
            }
        }

        if (letter.Callback is { } callback)
        {
            yield return ("X-Dead-Function-Status", Text(callback.Status));
        }
    }

    private static string Text<T>(T number)
        where T : IFormattable => number.ToString(null, CultureInfo.InvariantCulture);

    private static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("O", CultureInfo.InvariantCulture);

    // Header values are single bytes here; other characters are told as a question mark.
    private static string OneLine(string text) => string.Concat(new Header("", text).OneLine.Select(c => c is > '~' ? '?' : c));
}
