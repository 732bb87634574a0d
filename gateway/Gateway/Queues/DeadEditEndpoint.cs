using System.Text.Json;
using Connectors.Gateway.Enqueueing;
using Connectors.Gateway.Security;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.Gateway.Queues;

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
