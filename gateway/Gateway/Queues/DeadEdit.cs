using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using Connectors.Gateway.Enqueueing;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.Gateway.Queues;

/// <summary>What is to be another in a dead call before it is put back; what is null stays.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed partial record DeadEdit
{
    // Acted upon when the call was accepted, or made anew by whoever sends it.
    private static readonly string[] Fixed =
    [
        "Host", "Content-Length", "Expect", "traceparent", WellKnownHeaders.CallId, WellKnownHeaders.IdempotencyKey, CallHeaders.CallbackUrl, CallHeaders.CallbackHops,
        CallHeaders.InvokeMode, CallHeaders.Priority, CallHeaders.StoreResult, CallHeaders.Delay, CallHeaders.NotBefore, CallHeaders.Tags,
    ];

    public string? Function { get; init; }

    /// <summary>Text, stored as UTF-8.</summary>
    public string? Body { get; init; }

    /// <summary>Any bytes.</summary>
    public byte[]? BodyBase64 { get; init; }

    /// <summary>By name: the one value that it has from now on, or null to take it away.</summary>
    public IReadOnlyDictionary<string, string?>? Headers { get; init; }

    public byte[]? NewBody => BodyBase64 ?? (Body is null ? null : Encoding.UTF8.GetBytes(Body));

    public IReadOnlyList<string> Changed =>
        [.. new[] { (NewBody is not null, "body"), (Headers is { Count: > 0 }, "headers"), (Function is not null, "function") }.Where(change => change.Item1).Select(change => change.Item2)];

    /// <summary>Null if it can be done; otherwise which key is wrong and how.</summary>
    public string? Fault()
    {
        if (Changed.Count == 0)
        {
            return "A JSON object is needed with body or bodyBase64, headers or function; unchanged, a letter is put back by redrive.";
        }

        if (Body is not null && BodyBase64 is not null)
        {
            return "body, bodyBase64: only one of them.";
        }

        foreach (var (name, value) in Headers ?? new Dictionary<string, string?>())
        {
            if (!Token().IsMatch(name))
            {
                return $"headers: \"{JsonEncodedText.Encode(name)}\" is no header's name.";
            }

            if (HopByHop.Contains(name) || Fixed.Contains(name, StringComparer.OrdinalIgnoreCase))
            {
                return $"headers: {name} cannot be changed: it was acted upon when the call was accepted, or concerns one connection only.";
            }

            if (value is not null && value.Any(c => c is (< ' ' and not '\t') or '\x7f' or > '\xff'))
            {
                return $"headers: {name} has a character that no header can have.";
            }
        }

        return null;
    }

    /// <summary>The call as it is from now on.</summary>
    /// <param name="letter">The letter, a call's.</param>
    /// <param name="function">The function it is for from now on, with what its annotations say; null for the same as before.</param>
    /// <param name="now">When this is.</param>
    public EditedCall Apply(DeadLetter letter, (FunctionName Name, FunctionSettings Settings)? function, DateTimeOffset now)
    {
        var before = letter.Envelope!; // asked for by the caller
        var given = Headers ?? new Dictionary<string, string?>();
        var envelope = before with
        {
            Headers =
            [
                .. before.Headers.Where(header => !given.Keys.Any(header.Is)),
                .. from header in given where header.Value is not null select new Header(header.Key, header.Value),
            ],
            Edited = new EditedFrom { Seq = letter.Seq, Function = before.FunctionName.ToString(), Changed = Changed, At = now },
        };
        if (function is var (name, settings))
        {
            envelope = envelope with
            {
                Function = name.Name,
                Namespace = name.Namespace,
                Retry = settings.Retry,
                Breaker = settings.Breaker,
                MaxInflight = settings.MaxInflight,
                IsUnlisted = settings.IsUnlisted,
                IsBare = before.IsBare && name == before.FunctionName,
            };
        }

        return new EditedCall(envelope, NewBody is { } body ? body : letter.Body);
    }

    [GeneratedRegex(@"^[!#$%&'*+.^_`|~0-9A-Za-z-]+\z")]
    private static partial Regex Token();
}

/// <summary>A dead call with what an operator made of it.</summary>
internal sealed record EditedCall(Envelope Envelope, ReadOnlyMemory<byte> Body);
