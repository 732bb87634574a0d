using System.CommandLine;
using System.Text.Json.Nodes;
using Connectors.Cli.Api;

namespace Connectors.Cli.DeadLetters;

/// <summary><c>dead edit</c>: puts a dead call back with another body, other headers or for another function.</summary>
internal static class DeadEdit
{
    private static readonly Argument<string> Queue = Inputs.Queue();
    private static readonly Argument<ulong> Seq = Inputs.Seq();
    private static readonly Option<string> Body = new Option<string>("--body") { Description = "A file with the new body, byte for byte; - reads standard input", HelpName = "FILE" }.NamesPath();
    private static readonly Option<string> Function = Inputs.FunctionOption("The function that is called in place of the old one");
    private static readonly Option<string[]> Set = new("--header", "-H") { Description = "A header as it is to be, in place of all of its name; may be repeated", HelpName = "NAME: VALUE" };
    private static readonly Option<string[]> Remove = new("--remove-header") { Description = "A header to take away; may be repeated", HelpName = "NAME" };

    public static Command Create()
    {
        var command = new Command("edit", "Puts a dead call back with another body, other headers or for another function; it stays as it was until that is stored")
        {
            Queue, Seq, Body, Function, Set, Remove,
        };
        command.Does(RunAsync);
        return command;
    }

    private static async Task RunAsync(Session session, CancellationToken ct)
    {
        var edit = new JsonObject();
        if (session.Value(Function) is { } function)
        {
            edit["function"] = function;
        }

        if (Headers(session.Value(Set) ?? [], session.Value(Remove) ?? []) is { Count: > 0 } headers)
        {
            edit["headers"] = headers;
        }

        if (session.Value(Body) is { } file)
        {
            edit["bodyBase64"] = Convert.ToBase64String(await ReadAsync(file, ct));
        }

        if (edit.Count == 0)
        {
            throw CommandFailure.Usage("One of --body, --function, --header and --remove-header is needed; dead redrive puts a letter back as it is.");
        }

        var (queue, seq) = (session.Value(Queue), session.Value(Seq));
        using var answer = await session.Gateway.AskAsync(HttpMethod.Post, ApiPath.Dead(queue, seq) + "/edit", edit, ct);
        if (answer.Headers.Contains("X-Duplicate"))
        {
            session.Error.WriteLine($"The queue had this redrive of {seq} already, from a try whose answer was lost: the call runs as it was put back then.");
        }

        if (!session.IsJson)
        {
            session.Out.WriteLine($"Dead letter {seq} of {queue} is edited and redriven.");
        }
    }

    private static JsonObject Headers(string[] set, string[] remove)
    {
        var headers = new JsonObject();
        foreach (var line in set)
        {
            if (line.Split(':', 2) is not [{ Length: > 0 } name, var value])
            {
                throw CommandFailure.Usage($"--header: \"{line}\" is not NAME: VALUE.");
            }

            headers[name.Trim()] = value.Trim();
        }

        foreach (var name in remove)
        {
            headers[name] = null;
        }

        return headers;
    }

    private static async Task<byte[]> ReadAsync(string file, CancellationToken ct)
    {
        try
        {
            if (file != "-")
            {
                return await File.ReadAllBytesAsync(file, ct);
            }

            using var body = new MemoryStream();
            await using var input = Console.OpenStandardInput();
            await input.CopyToAsync(body, ct);
            return body.ToArray();
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw CommandFailure.Usage($"--body: {file} cannot be read: {fault.Message}");
        }
    }
}
