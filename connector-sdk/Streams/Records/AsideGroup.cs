using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Connectors.Sdk.Invocation;

namespace Connectors.Streams.Records;

/// <summary>
/// Calls that were put aside and come back together, named by the third token of their subjects in <see cref="StreamNames.Aside"/>. Delayed calls lie in
/// groups of half a second, so that a group is found by its time alone, however many others wait:
/// <code>
/// due at 12:00:00.200 and 12:00:00.500     in the group 12:00:00.500
/// due at 12:00:00.501                      in the group 12:00:01.000
/// </code>
/// Calls of a paused function are a group for each function.
/// </summary>
public sealed record AsideGroup
{
    private const long StepTicks = TimeSpan.TicksPerSecond / 2;
    private const int Digits = 13;
    private const string HeldToken = "held";

    // A server takes no longer names of consumers than 255, and a function's may be longer.
    private const int MaxName = 255;

    private AsideGroup(string token) => Token = token;

    /// <summary>The group as a token of subjects. Those of delayed calls sort as their times do.</summary>
    public string Token { get; }

    /// <summary>When delayed calls come back.</summary>
    public DateTimeOffset? Due { get; private init; }

    /// <summary>Whose calls are held until the function is resumed.</summary>
    public FunctionName? Function { get; private init; }

    /// <summary>The subject of what is no call of ours: a group of its own, so that it gets its end too.</summary>
    public string? Foreign { get; private init; }

    /// <summary>The group of a call that is due then: the next one, never an earlier.</summary>
    public static AsideGroup At(DateTimeOffset due)
    {
        var ticks = (due.UtcTicks + StepTicks - 1) / StepTicks * StepTicks;
        var time = new DateTimeOffset(ticks, TimeSpan.Zero);
        return new AsideGroup(time.ToUnixTimeMilliseconds().ToString("D13", CultureInfo.InvariantCulture)) { Due = time };
    }

    /// <summary>The group of a paused function's calls.</summary>
    public static AsideGroup Held(FunctionName function) => new(HeldToken) { Function = function };

    /// <summary>The subjects of all held calls of a queue.</summary>
    public static string HeldSubjects(string queue) => $"{queue}.aside.{HeldToken}.>";

    /// <summary>The group that a subject of the stream names. A function that is written as no call's subject has it is foreign: the function's own filter does not mean it.</summary>
    public static AsideGroup Of(string subject)
    {
        var tokens = subject.Split('.');
        return tokens.Length > 3 && tokens[2].Length == Digits && long.TryParse(tokens[2], NumberStyles.None, CultureInfo.InvariantCulture, out var due)
            ? new AsideGroup(tokens[2]) { Due = DateTimeOffset.FromUnixTimeMilliseconds(due) }
            : tokens is [_, _, HeldToken, _, var ns, var name] && StreamNames.FunctionOf(subject) is { IsValid: true } function && StreamNames.Tail(function) == $"{ns}.{name}"
                ? Held(function)
            : new AsideGroup("") { Foreign = subject };
    }

    /// <summary>The subjects of its calls.</summary>
    public string Filter(string queue) => Foreign ?? (Function is { } one ? $"{queue}.aside.{Token}.*.{StreamNames.Tail(one)}" : $"{queue}.aside.{Token}.>");

    /// <summary>The name of the consumer that brings them back.</summary>
    public string Consumer => this switch
    {
        { Foreign: { } subject } => Hashed(subject),
        { Function: { } one } => $"aside:{Token}:{StreamNames.Token(one.Namespace)}:{StreamNames.Token(one.Name)}" is { Length: <= MaxName } name ? name : Hashed(StreamNames.Tail(one)),
        _ => $"aside:{Token}",
    };

    private static string Hashed(string text) => $"aside:{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..32]}";
}
