using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using Connectors.Gateway.Enqueueing;
using Connectors.Gateway.Security;
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

/// <summary>A dead letter whose body, headers or function are changed, and which is put back so. It stays as it was until the edited call is stored.</summary>
internal sealed class DeadEditEndpoint(DeadLetterEndpoints letters, Redriver redriver, IProvider provider, CallQueue calls, GatewayOptions options, TimeProvider time, ILogger<DeadEditEndpoint> log)
{
    // A body in JSON is longer than it is: at most six characters for one.
    private const int JsonGrowth = 6;

    public async Task EditAsync(HttpContext http, string queue)
    {
        if (await letters.FindAsync(http, queue) is not { } letter)
        {
            return;
        }

        var (edited, refusal) = await ReadAsync(http, letter);
        if (edited is null)
        {
            await refusal!.AnswerAsync(http); // the one or the other
            return;
        }

        var result = await redriver.RedriveAsync(queue, letter, edited);
        Log.DeadLetterEdited(
            log, queue, letter.Seq, edited.Envelope.CallId, edited.Envelope.DeliveryId, edited.Envelope.FunctionName.ToString(), letter.Function, string.Join(',', edited.Envelope.Edited!.Changed),
            result == RedriveResult.Repeated, Acts.Who(http));
        if (result == RedriveResult.Repeated)
        {
            http.Response.Headers[CallHeaders.Duplicate] = "true";
        }

        http.Response.StatusCode = StatusCodes.Status202Accepted;
    }

    private async Task<(EditedCall? Edited, Refusal? Refusal)> ReadAsync(HttpContext http, DeadLetter letter)
    {
        if (letter.IsCallback)
        {
            return Refuse(StatusCodes.Status409Conflict, "This is a callback, whose function has run: it can be redriven as it is, or deleted.");
        }

        if (!letter.IsWhole)
        {
            return Refuse(StatusCodes.Status409Conflict, DeadLetterEndpoints.NotOurs);
        }

        using var body = await CallBody.ReadAsync(http.Request, (calls.MaxBodyBytes + EnvelopeCodec.MaxBytes) * JsonGrowth, http.RequestAborted);
        if (body is not { Bytes: var json })
        {
            return (null, Refusal.TooLarge(calls.MaxBodyBytes, null));
        }

        if (Parse(json.Span, out var fault) is not { } edit)
        {
            return Refuse(StatusCodes.Status400BadRequest, fault);
        }

        var (function, missing) = await FunctionAsync(edit, http.RequestAborted);
        if (missing is not null)
        {
            return Refuse(StatusCodes.Status400BadRequest, missing);
        }

        var edited = edit.Apply(letter, function, time.GetUtcNow());
        if (edited.Body.Length > calls.MaxBodyBytes)
        {
            return (null, Refusal.TooLarge(calls.MaxBodyBytes, edited.Body.Length));
        }

        return EnvelopeCodec.Encode(edited.Envelope).Length is var length and > EnvelopeCodec.MaxBytes
            ? Refuse(StatusCodes.Status431RequestHeaderFieldsTooLarge, $"Address and headers take {length} bytes in the queue; the limit is {EnvelopeCodec.MaxBytes}.")
            : (edited, null);

        static (EditedCall?, Refusal?) Refuse(int status, string text) => (null, new Refusal(status, text));
    }

    private static DeadEdit? Parse(ReadOnlySpan<byte> json, out string fault)
    {
        try
        {
            var edit = JsonSerializer.Deserialize(json, QueuesJson.Default.DeadEdit) ?? new DeadEdit();
            fault = edit.Fault() ?? "";
            return fault.Length == 0 ? edit : null;
        }
        catch (JsonException broken)
        {
            fault = $"No JSON of an edit: {broken.Path ?? "$"} is not what it should be. Allowed are function, body (text) or bodyBase64, and headers, an object of texts and nulls.";
            return null;
        }
    }

    // The function that the call is for from now on, null for the same; or why it cannot be for that one.
    private async Task<((FunctionName, FunctionSettings)? Function, string? Fault)> FunctionAsync(DeadEdit edit, CancellationToken ct)
    {
        if (edit.Function is null)
        {
            return (null, null);
        }

        if (!QueueQuery.TryFunction(edit.Function, options.DefaultNamespace, out var name) || name is not { } function)
        {
            return (null, QueueQuery.FunctionRule);
        }

        var lookup = await provider.FindAsync(function, ct);
        return lookup.Kind == LookupKind.Missing
            ? (null, $"function: there is no function {function}.")
            : ((function, FunctionSettings.Of(function, lookup.Function, options.DefaultNamespace)), null);
    }
}
