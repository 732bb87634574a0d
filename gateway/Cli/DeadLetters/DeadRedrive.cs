using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Text.Json.Nodes;
using Connectors.Cli.Api;
using Connectors.Cli.Json;
using Connectors.Cli.Printing;
using Connectors.Cli.Redrives;

namespace Connectors.Cli.DeadLetters;

/// <summary><c>dead redrive</c>: puts the letters that are named back, or starts a job that puts back all of a kind and stays with it until it ends.</summary>
internal static class DeadRedrive
{
    private static readonly Argument<string> Queue = Inputs.Queue();
    private static readonly Argument<ulong[]> Seqs = Inputs.Seqs("Numbers of dead letters; none: all, or all that the options name");
    private static readonly Option<double?> Rate = new("--rate") { Description = "At most so many letters a second", HelpName = "PER-SECOND", CustomParser = ParseRate };
    private static readonly Option<bool> NoWait = new("--no-wait") { Description = "Prints the redrive's id and leaves it to the gateway" };

    public static Command Create()
    {
        var command = new Command("redrive", "Puts dead letters back, each to start with its first attempt")
        {
            Queue, Seqs, DeadFilter.FunctionOption, DeadFilter.ReasonOption, DeadFilter.SinceOption, DeadFilter.UntilOption, DeadFilter.TagOption, Rate, NoWait, SharedOptions.DryRun, SharedOptions.Yes,
        };
        command.Does(RunAsync);
        return command;
    }

    private static Task RunAsync(Session session, CancellationToken ct)
    {
        var filter = DeadFilter.Of(session, Queue);
        if (session.Value(Seqs) is not { Length: > 0 } seqs)
        {
            return AllAsync(session, filter, ct);
        }

        return filter.IsAll && session.Value(Rate) is null && !session.Value(NoWait) && !session.Value(SharedOptions.DryRun)
            ? SomeAsync(session, filter.Queue, seqs, ct)
            : throw CommandFailure.Usage("Either numbers of dead letters, or --function, --reason, --since, --until, --tag, --rate, --no-wait and --dry-run.");
    }

    private static async Task SomeAsync(Session session, string queue, ulong[] seqs, CancellationToken ct)
    {
        await foreach (var seq in NamedLetters.AskAsync(session, seqs, HttpMethod.Post, seq => ApiPath.Dead(queue, seq) + "/redrive", session.Error.WriteLine, ct))
        {
            if (!session.IsJson)
            {
                session.Out.Report($"Dead letter {seq} of {queue} is redriven.");
            }
        }
    }

    private static async Task AllAsync(Session session, DeadFilter filter, CancellationToken ct)
    {
        if (await filter.IsDryRunAsync(session, ct))
        {
            return;
        }

        await session.ConfirmAsync(() => Task.FromResult($"Redrive all dead letters of {filter}?"), ct);

        var body = new JsonObject(filter.Query.Select(part => KeyValuePair.Create(part.Name, (JsonNode?)part.Value))) { ["ratePerSecond"] = session.Value(Rate) };
        var started = await session.Gateway.JsonAsync(HttpMethod.Post, ApiPath.Redrives(filter.Queue), body, ct);
        var id = started.Need("id").As<string>();
        if (!session.Value(NoWait))
        {
            await RedriveWatch.UntilEndAsync(session, filter.Queue, id, ct);
        }
        else if (session.IsJson)
        {
            session.Print(started);
        }
        else
        {
            session.Out.WriteLine(id);
        }
    }

    private static double? ParseRate(ArgumentResult result)
    {
        var text = result.Tokens[0].Value;
        if (!double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var rate) || rate is not (>= 0.001 and <= 1_000_000))
        {
            result.AddError($"--rate: \"{text}\" is no number from 0.001 to 1000000.");
        }

        return rate;
    }
}
