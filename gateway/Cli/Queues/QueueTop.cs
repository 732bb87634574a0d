using System.CommandLine;
using System.Text.Json.Nodes;
using Connectors.Cli.Api;
using Connectors.Cli.Json;
using Connectors.Cli.Printing;

namespace Connectors.Cli.Queues;

/// <summary><c>top</c>: the page's overview in a terminal, drawn anew every two seconds.</summary>
internal static class QueueTop
{
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
        var figures = new FigureTime(time);
        var isFollowed = !session.Value(Once) && !session.IsJson && !Console.IsOutputRedirected;
        while (true)
        {
            JsonNode? overview = null;
            CommandFailure? away = null;
            try
            {
                overview = await session.Gateway.JsonAsync(HttpMethod.Get, ApiPath.Overview, null, ct);
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
            Draw(page, overview, away, figures);
            await session.Out.WriteAsync((isFollowed ? Home : "") + page);
            if (!isFollowed)
            {
                return;
            }

            await Task.Delay(Interval, time, ct);
        }
    }

    private static void Draw(TextWriter page, JsonNode? overview, CommandFailure? away, FigureTime figures)
    {
        if (away is not null || overview is null)
        {
            page.WriteLine(away?.Message);
            return;
        }

        if (overview.Find("error")?.As<string>() is { } error)
        {
            page.WriteLine(Plain.OneLine(error));
        }

        var now = figures.Of(overview);
        var queues = overview.Need("queues").Items();
        var old = queues.Select(queue => queue.Find("error")?.As<string>()).OfType<string>().ToList();
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
            new("PAUSED", "pausedWhat")).Add(queues.Select(queue => WithWords(queue, now)));
    }

    private static Column Number(string title, string property) => new(title, property) { IsNumber = true };

    private static JsonNode WithWords(JsonNode queue, DateTimeOffset now)
    {
        var name = queue.Need("name").As<string>();
        queue["name"] = queue.Find("error") is null ? name : $"{name} (old)";
        queue["pausedWhat"] = queue.Find("paused") is not null ? "all of it" : queue.Find("heldFunctions")?.As<int>() is > 0 and var functions ? $"{functions} functions" : null;
        queue["oldest"] = queue.Find("oldestAt") is { } at ? Age(now - at.As<DateTimeOffset>()) : null;
        return queue;
    }

    private static string Age(TimeSpan age) => age switch
    {
        { TotalMinutes: < 1 } => $"{Math.Max(0, (int)age.TotalSeconds)}s",
        { TotalHours: < 1 } => $"{(int)age.TotalMinutes}m{age.Seconds}s",
        { TotalDays: < 1 } => $"{(int)age.TotalHours}h{age.Minutes}m",
        _ => $"{(int)age.TotalDays}d{age.Hours}h",
    };

    /// <summary>
    /// What time it is at the gateway, which told the figures: the clock here may be set to another. Figures that are told again, as while NATS is away, grow older by
    /// the time since they came.
    /// </summary>
    private sealed class FigureTime(TimeProvider time)
    {
        private DateTimeOffset? _at;
        private long _came;

        public DateTimeOffset Of(JsonNode overview)
        {
            var at = overview.Find("at")?.As<DateTimeOffset>();
            if (at != _at)
            {
                (_at, _came) = (at, time.GetTimestamp());
            }

            // Before the first figures there are no queues.
            return _at is { } then ? then + time.GetElapsedTime(_came) : time.GetUtcNow();
        }
    }
}
