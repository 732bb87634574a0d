using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Text.RegularExpressions;
using Connectors.Cli.Completion;

namespace Connectors.Cli;

/// <summary>What sub-commands take, checked before the gateway is asked.</summary>
internal static partial class Inputs
{
    /// <summary>Which names queues can have.</summary>
    public const string QueueNameRule = "1 to 63 of a-z 0-9 - _, the first a letter or digit";

    private const string NoPath = ": {0} names no file and no folder.";

    /// <summary>Whether a queue can have this name.</summary>
    public static bool IsQueueName(string text) => QueueName().IsMatch(text);

    public static Argument<string> Queue()
    {
        var queue = new Argument<string>("QUEUE") { Description = "The queue's name, as list shows it" };
        queue.CompletionSources.Add(context => QueueNames.Suggest(context.ParseResult));
        queue.Validators.Add(result => Check(result, IsQueueName, $"QUEUE: {{0}} is no queue's name; allowed: {QueueNameRule}."));
        return queue;
    }

    public static Option<string> QueueOption(string description)
    {
        var queue = new Option<string>("--queue", "-q") { Description = description, HelpName = "QUEUE" };
        queue.CompletionSources.Add(context => QueueNames.Suggest(context.ParseResult));
        queue.Validators.Add(result => Check(result, IsQueueName, $"--queue: {{0}} is no queue's name; allowed: {QueueNameRule}."));
        return queue;
    }

    /// <summary>A word of a filter, which may be left out. Empty, as a script's variable that was not set leaves it, it would mean everything.</summary>
    public static Option<string> FilterOption(string description, string helpName, string name, params string[] aliases)
    {
        var option = new Option<string>(name, aliases) { Description = description, HelpName = helpName };
        option.Validators.Add(result => Check(result, text => !string.IsNullOrWhiteSpace(text), name + ": {0} is empty; what is meant without it is asked for without it."));
        return option;
    }

    /// <summary>A function, with or without its namespace.</summary>
    public static Option<string> FunctionOption(string description)
    {
        var function = FilterOption($"{description}: NAME, or NAME.NAMESPACE", "NAME", "--function", "-f");

        // In a path they would lead out of it, to the whole queue.
        function.Validators.Add(result => Check(result, text => text is not ("." or ".."), "--function: {0} is no function's name."));
        return function;
    }

    public static Argument<ulong> Seq() => new("SEQ") { Description = "A dead letter's number, as dead list shows it", CustomParser = ParseSeq };

    /// <summary>Any number of them, none included.</summary>
    public static Argument<ulong[]> Seqs(string description) => new("SEQ")
    {
        Description = description,
        Arity = ArgumentArity.ZeroOrMore,
        CustomParser = result => [.. result.Tokens.Select(token => ParseSeq(result, token.Value))],
    };

    public static Argument<string> RedriveId()
    {
        var id = new Argument<string>("ID") { Description = "The redrive's id, as dead redrive told it" };
        id.Validators.Add(result => Check(result, text => Guid.TryParseExact(text, "N", out _), "ID: {0} is no redrive's id."));
        return id;
    }

    public static Argument<T> CallId<T>(ArgumentArity arity)
    {
        var id = new Argument<T>("CALL-ID") { Description = "The call's X-Call-Id", Arity = arity };
        id.Validators.Add(result => Check(result, text => text is not ("." or "..") && text.All(c => c is >= '!' and <= '~'), "CALL-ID: {0} is no call's id."));
        return id;
    }

    public static Option<string> Output(string what) =>
        new Option<string>("--output", "-o") { Description = $"Writes {what} to this file, byte for byte", HelpName = "FILE" }.NamesPath();

    /// <summary>It takes a file or a folder. Empty, as a script's variable that was not set leaves it, it names none.</summary>
    public static Option<string> NamesPath(this Option<string> option)
    {
        option.Validators.Add(result => Check(result, text => text.Length > 0, option.Name + NoPath));
        return option;
    }

    /// <summary>The same for what has no name in front of it.</summary>
    public static Argument<string> NamesPath(this Argument<string> argument)
    {
        argument.Validators.Add(result => Check(result, text => text.Length > 0, argument.Name + NoPath));
        return argument;
    }

    /// <summary>Of an argument or option that takes one.</summary>
    public static ulong ParseSeq(ArgumentResult result) => ParseSeq(result, result.Tokens[0].Value);

    /// <summary>How many at most, of an option of that name.</summary>
    public static long ParseCount(ArgumentResult result)
    {
        var text = result.Tokens[0].Value;
        if (!long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var count) || count < 1)
        {
            result.AddError($"--limit: \"{text}\" is no number above 0.");
        }

        return count;
    }

    /// <summary>A time, a day, or how long ago it was.</summary>
    public static Option<DateTimeOffset?> TimeOption(string name, string description) => new(name)
    {
        Description = $"{description}: 2026-11-28T09:00:00Z, 2026-11-28, or 90m, 2h, 3d ago",
        HelpName = "TIME",
        CustomParser = result =>
        {
            var text = result.Tokens[0].Value;
            if (TryDuration(text, out var before))
            {
                var now = TimeProvider.System.GetUtcNow();
                return before < now - DateTimeOffset.MinValue ? now - before : DateTimeOffset.MinValue;
            }

            if (TryTime(text, out var time))
            {
                return time;
            }

            result.AddError($"{name}: \"{text}\" is neither a time with its zone such as 2026-11-28T09:00:00Z, nor a day such as 2026-11-28, nor how long ago, such as 90m, 2h, 3d.{UnixHint(text)}");
            return null;
        },
    };

    /// <summary>As the gateway's API has times in its queries: the same instant for all requests of a command.</summary>
    public static string? Text(DateTimeOffset? time) => time?.UtcDateTime.ToString("O", CultureInfo.InvariantCulture);

    /// <summary>As the gateway reads durations, and days.</summary>
    public static bool TryDuration(string text, out TimeSpan duration)
    {
        duration = TimeSpan.Zero;
        var found = Duration().Match(text);
        foreach (var (number, unit) in found.Groups[1].Captures.Zip(found.Groups[2].Captures))
        {
            var size = unit.Value switch { "ms" => TimeSpan.FromMilliseconds(1), "m" => TimeSpan.FromMinutes(1), "h" => TimeSpan.FromHours(1), "d" => TimeSpan.FromDays(1), _ => TimeSpan.FromSeconds(1) };
            duration += double.Parse(number.Value, CultureInfo.InvariantCulture) * size;
        }

        return found.Success;
    }

    // As the gateway reads times: what could be meant in several ways is none, for what is deleted by it cannot be brought back.
    private static bool TryTime(string text, out DateTimeOffset time)
    {
        time = default;
        return Rfc3339().IsMatch(text) && DateTimeOffset.TryParse(text.ToUpperInvariant(), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out time);
    }

    private static string UnixHint(string text) => text.Length == 10 && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
        ? $" It looks like a Unix time, which is written {DateTimeOffset.FromUnixTimeSeconds(seconds).UtcDateTime:yyyy-MM-ddTHH:mm:ssZ}."
        : "";

    private static ulong ParseSeq(ArgumentResult result, string text)
    {
        if (!ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seq) || seq is 0 or ulong.MaxValue)
        {
            result.AddError($"\"{text}\" is no dead letter's number.");
        }

        return seq;
    }

    private static void Check(SymbolResult result, Func<string, bool> isGood, string fault)
    {
        foreach (var token in result.Tokens.Where(token => !isGood(token.Value)))
        {
            result.AddError(string.Format(CultureInfo.InvariantCulture, fault, $"\"{token.Value}\""));
        }
    }

    // 90m, 3d, 1h30m, 1.5h, or seconds: 90. So many digits without a unit are no seconds, but a Unix time or a day.
    [GeneratedRegex(@"^(?:(?:([0-9]{1,6}(?:\.[0-9]{1,9})?)(ms|s|m|h|d)){1,8}|(?<1>[0-9]{1,6})(?<2>))\z")]
    private static partial Regex Duration();

    [GeneratedRegex(@"^\d{4}-\d\d-\d\d([Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d))?\z", RegexOptions.ECMAScript)]
    private static partial Regex Rfc3339();

    [GeneratedRegex(@"^[a-z0-9][a-z0-9_-]{0,62}\z")]
    private static partial Regex QueueName();
}
