using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Connectors.Cli.Api;
using Connectors.Cli.Json;
using Connectors.Cli.Printing;

namespace Connectors.Cli.DeadLetters;

/// <summary><c>dead show</c>: one dead letter's biography, what was sent, and the body.</summary>
internal static class DeadShow
{
    private const string Prefix = "X-Dead-";
    private static readonly string[] Numbers = ["Seq", "Redrive", "Attempts", "Status", "Function-Status"];

    // Its path is in the biography.
    private static readonly Column[] Requested = [new("method", "method"), new("query", "query"), new("callback to", "callback")];

    private static readonly Argument<string> Queue = Inputs.Queue();
    private static readonly Argument<ulong> Seq = Inputs.Seq();
    private static readonly Option<string> Output = Inputs.Output("the body");

    public static Command Create()
    {
        var command = new Command("show", "One dead letter: its biography, the request without its credentials, and the body") { Queue, Seq, Output };
        command.Does(RunAsync);
        return command;
    }

    private static async Task RunAsync(Session session, CancellationToken ct)
    {
        var path = ApiPath.Dead(session.Value(Queue), session.Value(Seq));
        using var answer = await session.Gateway.AskAsync(HttpMethod.Get, path, null, ct);
        var facts = answer.Headers
            .Where(h => h.Key.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase))
            .Select(h => (Name: h.Key[Prefix.Length..], Value: h.Value.First()))
            .ToList();
        var body = await AnswerBody.TakeAsync(answer, session.Value(Output), ct);

        // A gateway of an earlier version does not tell it.
        var request = await session.Gateway.FindJsonAsync(path + "/request", ct);
        if (session.IsJson)
        {
            var json = new JsonObject(facts.Select(f => KeyValuePair.Create(CamelCase(f.Name), Value(f)))) { ["request"] = request };
            session.Print(body.AddTo(json));
            return;
        }

        Table.Facts(
            session.Out,
            [
                .. facts.Select(f => (f.Name.Replace('-', ' ').ToLowerInvariant(), Column.Text(f.Value))),
                .. Requested.Where(f => request.Find(f.Property)?.As<string>() is { Length: > 0 }).Select(f => (f.Title, f.Cell(request))),
                ("bytes", body.Length.ToString(CultureInfo.InvariantCulture)),
            ]);
        if (request.Find("headers")?.Items() is { Count: > 0 } headers)
        {
            session.Out.WriteLine();
            foreach (var header in headers)
            {
                session.Out.WriteLine(
                    header.Items() is [var name, var value] ? $"{Plain.OneLine(name.As<string>())}: {Plain.OneLine(value.As<string>())}" : throw new OtherShapeException());
            }
        }

        if (body.File is null && body.Length > 0)
        {
            session.Out.WriteLine();
            session.Out.WriteLine(Encoding.UTF8.GetString(body.Bytes) is var text && Plain.IsText(text) ? text.TrimEnd('\n') : "The body is not text: --output FILE writes it.");
        }
    }

    private static JsonNode? Value((string Name, string Value) fact) =>
        Numbers.Contains(fact.Name, StringComparer.OrdinalIgnoreCase) && long.TryParse(fact.Value, out var number) ? number : fact.Value;

    private static string CamelCase(string name) =>
        string.Concat(name.Split('-').Select((word, i) => i == 0 ? word.ToLowerInvariant() : char.ToUpperInvariant(word[0]) + word[1..].ToLowerInvariant()));
}
