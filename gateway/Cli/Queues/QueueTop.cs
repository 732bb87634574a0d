using System.CommandLine;
using System.Text.Json.Nodes;
using Connectors.Cli.Printing;

namespace Connectors.Cli.Queues;

/// <summary><c>top</c>: the page's overview in a terminal, drawn anew every two seconds.</summary>
internal static class QueueTop
{
    private const string Path = "/system/overview";
    private const string Home = "\e[H\e[J";

    // As often as the gateway looks itself.
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);

    private static readonly Option<bool> Once = new("--once") { Description = "Prints the queues once and ends, as without a terminal" };

    public static Command Create()
    {
        var command = new Command("top", "Every queue as it is now: waiting, running, rates, ages, dead letters; until Ctrl-C") { Once };
        command.Does(RunAsync);
        return command;
    }

    private static async Task RunAsync(Session session, CancellationToken ct)
    {
        var time = TimeProvider.System;
        var isFollowed = !session.Value(Once) && !session.IsJson && !Console.IsOutputRedirected;
        while (true)
        {
            JsonNode? overview = null;
            CommandFailure? away = null;
            try
            {
                overview = await session.Gateway.JsonAsync(HttpMethod.Get, Path, null, ct);
            }
            catch (CommandFailure failure) when (isFollowed && failure.MayPass)
            {
                away = failure;
            }

            if (session.IsJson)
            {
                session.Print(overview!); // A gateway that is away has thrown.
                return;
            }

            var page = new StringWriter();
            Draw(page, overview, away, time.GetUtcNow());
            await session.Out.WriteAsync((isFollowed ? Home : "") + page);
            if (!isFollowed)
            {
                return;
            }

            await Task.Delay(Interval, time, ct);
        }
    }

    private static void Draw(TextWriter page, JsonNode? overview, CommandFailure? away, DateTimeOffset now)
    {
        if (away is not null || overview is null)
        {
            page.WriteLine(away?.Message);
            return;
        }

        if ((string?)overview["error"] is { } error)
        {
            page.WriteLine(Plain.OneLine(error));
        }

        var old = overview["queues"]!.AsArray().Select(queue => (string?)queue!["error"]).OfType<string>().ToList();
        if (old.Count > 0)
        {
            page.WriteLine(old.Count > 1 ? $"NATS does not tell all of {old.Count} queues: what is known of them is old." : Plain.OneLine(old[0]));
        }

        new Table(
            page,
            new("QUEUE", "name"),
            Number("WAITING", "waiting"),
            Number("RUNNING", "running"),
            Number("RETRYING", "retrying"),
            Number("DELAYED", "delayed"),
            Number("HELD", "held"),
            Number("OLDEST", "oldest"),
            Number("IN/S", "inPerSecond"),
            Number("OUT/S", "outPerSecond"),
            Number("CALLBACKS", "callbacks"),
            Number("DEAD", "dead"),
            Number("WORKERS", "workers"),
            new("MODE", "mode"),
            new("PAUSED", "pausedWhat")).Add(overview["queues"]!.AsArray().Select(queue => WithWords(queue!.AsObject(), now)));
    }

    private static Column Number(string title, string property) => new(title, property) { IsNumber = true };

    private static JsonObject WithWords(JsonObject queue, DateTimeOffset now)
    {
        queue["name"] = queue["error"] is null ? (string?)queue["name"] : $"{(string?)queue["name"]} (old)";
        queue["pausedWhat"] = queue["paused"] is not null ? "all of it" : (int?)queue["heldFunctions"] is > 0 and var functions ? $"{functions} functions" : null;
        queue["oldest"] = queue["oldestAt"] is { } at ? Age(now - at.GetValue<DateTimeOffset>()) : null;
        return queue;
    }

    private static string Age(TimeSpan age) => age switch
    {
        { TotalMinutes: < 1 } => $"{Math.Max(0, (int)age.TotalSeconds)}s",
        { TotalHours: < 1 } => $"{(int)age.TotalMinutes}m{age.Seconds}s",
        { TotalDays: < 1 } => $"{(int)age.TotalHours}h{age.Minutes}m",
        _ => $"{(int)age.TotalDays}d{age.Hours}h",
    };
}
