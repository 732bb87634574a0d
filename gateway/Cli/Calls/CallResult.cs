using System.CommandLine;
using System.Text.Json.Nodes;
using Connectors.Cli.Api;
using Connectors.Cli.Printing;

namespace Connectors.Cli.Calls;

/// <summary><c>result</c>: what a call that was made with X-Store-Result ended with.</summary>
internal static class CallResult
{
    private const string Queued = "queued";
    private const string Purged = "purged";
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(500);

    private static readonly Argument<string> CallId = Inputs.CallId<string>(ArgumentArity.ExactlyOne);
    private static readonly Option<string> Output = Inputs.Output("the result");
    private static readonly Option<bool> Wait = new("--wait", "-w") { Description = "Stays until the call has ended" };

    public static Command Create()
    {
        var command = new Command("result", "A call's stored result, byte for byte; what it is goes to standard error") { CallId, Output, Wait };
        command.Does(RunAsync);
        return command;
    }

    private static async Task RunAsync(Session session, CancellationToken ct)
    {
        using var answer = await EndedAsync(session, ct);
        var file = session.Value(Output);
        if (session.IsJson)
        {
            var body = await AnswerBody.TakeAsync(answer, file, ct);
            session.Print(body.AddTo(Describe(answer)));
            return;
        }

        var length = file is null
            ? await AnswerBody.CopyAsync(answer, StandardOutput.Bytes(), "standard output", ct)
            : (await AnswerBody.TakeAsync(answer, file, ct)).Length;
        session.Error.WriteLine(
            Header("X-Call-State") == Purged
                ? $"purged: what waited for {Header("X-Function-Name")} was removed from the queue, and never runs. If this call ran already, its result is there when it ends."
                : $"{Header("X-Call-State")}: {Header("X-Function-Name")} answered {Header("X-Function-Status")} after {Header("X-Duration-Seconds")} seconds; {length} bytes"
                    + (Header("X-Result-Dropped") == "-" ? "." : ", for its result was too large to be kept."));

        string Header(string name) => Column.Text(CallResult.Header(answer, name) ?? "");
    }

    private static async Task<HttpResponseMessage> EndedAsync(Session session, CancellationToken ct)
    {
        var id = session.Value(CallId);
        if (!session.Value(Wait))
        {
            return await LookAsync(session, id, ct) ?? throw new CommandFailure($"The call {id} has not ended yet; --wait stays until it has.");
        }

        var endurance = new Endurance(TimeProvider.System);
        var line = new ProgressLine(session.Error, TimeProvider.System);
        try
        {
            while (true)
            {
                try
                {
                    if (await LookAsync(session, id, ct) is { } ended)
                    {
                        return ended;
                    }

                    endurance.Answered();
                }
                catch (CommandFailure failure) when (endurance.Bears(failure))
                {
                    line.Tell($"Waiting for the gateway: {failure.Message}");
                }

                await Task.Delay(Look, TimeProvider.System, ct);
            }
        }
        finally
        {
            line.End();
        }
    }

    // The answer once the call has ended.
    private static async Task<HttpResponseMessage?> LookAsync(Session session, string id, CancellationToken ct)
    {
        var answer = await session.Gateway.SendAsync(HttpMethod.Get, ApiPath.Call(id), null, ct);
        if (Header(answer, "X-Call-State") is { } state && state != Queued)
        {
            return answer;
        }

        using (answer)
        {
            return answer.IsSuccessStatusCode ? null : throw await session.Gateway.RefusalAsync(answer, ct);
        }
    }

    // The function's headers stand beside the gateway's, as they were stored.
    private static JsonObject Describe(HttpResponseMessage answer) => new()
    {
        ["callId"] = Header(answer, "X-Call-Id"),
        ["state"] = Header(answer, "X-Call-State"),
        ["function"] = Header(answer, "X-Function-Name"),
        ["status"] = int.TryParse(Header(answer, "X-Function-Status"), out var status) ? status : null,
        ["seconds"] = double.TryParse(Header(answer, "X-Duration-Seconds"), out var seconds) ? seconds : null,
        ["dropped"] = Header(answer, "X-Result-Dropped"),
        ["headers"] = new JsonObject(answer.Headers.Concat(answer.Content.Headers)
            .Select(h => KeyValuePair.Create(h.Key, (JsonNode?)new JsonArray([.. h.Value.Select(v => JsonValue.Create(v))])))),
    };

    private static string? Header(HttpResponseMessage answer, string name) => answer.Headers.TryGetValues(name, out var values) ? values.First() : null;
}
