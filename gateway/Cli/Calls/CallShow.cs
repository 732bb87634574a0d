using System.CommandLine;
using System.Text.Json.Nodes;
using Connectors.Cli.Api;
using Connectors.Cli.Json;
using Connectors.Cli.Printing;

namespace Connectors.Cli.Calls;

/// <summary><c>calls show</c>: the whole story of a call id.</summary>
internal static class CallShow
{
    private static readonly Argument<string> CallId = Inputs.CallId<string>(ArgumentArity.ExactlyOne);
    private static readonly Option<string> Queue = Inputs.QueueOption("Only calls of this queue");

    public static Command Create()
    {
        var command = new Command("show", "What became of a call: each of its sends, its callback; or where it is") { CallId, Queue, CallList.Function };
        command.Does(RunAsync);
        return command;
    }

    private static async Task RunAsync(Session session, CancellationToken ct)
    {
        var query = ApiPath.Query(("queue", session.Value(Queue)), ("function", session.Value(CallList.Function)));
        var story = await session.Gateway.JsonAsync(HttpMethod.Get, $"{ApiPath.Calls}/{Uri.EscapeDataString(session.Value(CallId))}{query}", null, ct);
        if (session.IsJson)
        {
            session.Print(story);
            return;
        }

        var before = "";
        foreach (var call in story.Need("calls").Items())
        {
            session.Out.Write(before);
            before = "\n";
            Write(session.Out, call);
        }
    }

    private static void Write(TextWriter output, JsonNode call)
    {
        Column[] facts =
        [
            new("call id", "callId"), new("delivery id", "deliveryId"), new("function", "function"), new("queue", "queue"), new("state", "state"), new("reason", "reason"),
            new("error", "error"), new("status", "status"), new("attempts", "attempts"), new("redrive", "redrive"), new("submitted", "submittedAt"), new("ended", "endedAt"),
            new("due", "dueAt"), new("bytes", "size"), new("result bytes", "resultSize"), new("trace", "traceId"),
        ];
        Table.Facts(output, [.. facts.Where(f => call.Find(f.Property) is not null).Select(f => (f.Title, f.Cell(call))), .. Tags(call), .. Callback(call)]);
        WriteSends(output, "ATTEMPT", "SENT", call.Find("sends"));
        WriteSends(output, "CALLBACK", "POSTED", call.Find("callback").Find("posts"));
    }

    private static void WriteSends(TextWriter output, string ordinal, string when, JsonNode? sends)
    {
        if (sends?.Items() is { Count: > 0 } all)
        {
            output.WriteLine();
            new Table(
                output,
                new(ordinal, "attempt") { IsNumber = true },
                new(when, "at"),
                new("WAITED", "waited") { IsNumber = true },
                new("STATUS", "status") { IsNumber = true },
                new("SECONDS", "seconds") { IsNumber = true },
                new("ERROR", "error")).Add(all);
        }
    }

    private static IEnumerable<(string, string)> Tags(JsonNode call)
    {
        if (call.Need("tags").Items() is { Count: > 0 } tags)
        {
            yield return ("tags", Column.Text(string.Join(", ", tags.Select(tag => tag.As<string>()))));
        }
    }

    private static IEnumerable<(string, string)> Callback(JsonNode call)
    {
        if (call.Find("callback") is { } callback)
        {
            yield return ("callback", Column.Text(callback.Need("state").As<string>()));
            foreach (var (name, property) in new[] { ("callback status", "status"), ("callback attempts", "attempts"), ("callback due", "dueAt"), ("callback error", "error") })
            {
                if (callback.Find(property) is { } value)
                {
                    yield return (name, Column.Text(value));
                }
            }
        }
    }
}
