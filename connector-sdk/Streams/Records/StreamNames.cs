using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Connectors.Sdk.Invocation;

namespace Connectors.Streams.Records;

/// <summary>Every name of ours in JetStream: streams, subjects, consumers, buckets and message ids. Only here.</summary>
public static partial class StreamNames
{
    /// <summary>The queue of functions without <c>com.openfaas.queue</c>.</summary>
    public const string DefaultQueue = "faas-request";

    /// <summary>Consumer of high-priority calls in static mode.</summary>
    public const string StaticHigh = "static-high";

    /// <summary>Consumer of normal calls in static mode.</summary>
    public const string StaticNormal = "static-normal";

    /// <summary>Consumer of callback records.</summary>
    public const string CallbackConsumer = "callback";

    /// <summary>KV bucket of stored results.</summary>
    public const string Results = "OF_results";

    /// <summary>KV bucket of cancelled call ids.</summary>
    public const string Cancelled = "OF_cancelled";

    /// <summary>KV bucket of pauses.</summary>
    public const string Paused = "OF_paused";

    /// <summary>KV bucket of redrive jobs.</summary>
    public const string Redrives = "OF_redrives";

    /// <summary>KV bucket of cron cursors.</summary>
    public const string Cron = "OF_cron";

    /// <summary>The key in <see cref="Results"/> that is written when a purge begins. It has a dot, and is so no call's.</summary>
    public const string PurgeBegun = "purge.begun";

    /// <summary>The key of the stream's metadata that names the mode in which its calls are consumed: <c>static</c> or <c>function</c>.</summary>
    public const string ModeKey = "connectors.mode";

    /// <summary>The key of the stream's metadata that says when its mode was switched; none where it never was.</summary>
    public const string ModeSinceKey = "connectors.mode-since";

    private const string HintPrefix = "OF_HINT.";

    private const string FunctionConsumerPrefix = "fn:";

    /// <summary>What a queue may be called, in words.</summary>
    public const string QueueRule = "1 to 63 of a-z 0-9 - _, the first a letter or digit";

    /// <summary>What a queue may be called.</summary>
    [GeneratedRegex(@"^[a-z0-9][a-z0-9_-]{0,62}\z")]
    public static partial Regex QueueName();

    /// <summary>The stream of waiting calls.</summary>
    public static string Calls(string queue) => $"OF_{queue}";

    /// <summary>The stream of callback records.</summary>
    public static string Callbacks(string queue) => $"OF_{queue}_CALLBACKS";

    /// <summary>The stream of dead letters.</summary>
    public static string Dead(string queue) => $"OF_{queue}_DEAD";

    /// <summary>The stream of calls that are put aside: those whose time has not come, and those of paused functions.</summary>
    public static string Aside(string queue) => $"OF_{queue}_ASIDE";

    /// <summary>The streams by any of which a queue is there: those of its calls, callbacks and dead letters.</summary>
    public static IReadOnlyList<string> StreamsOf(string queue) => [Calls(queue), Aside(queue), Callbacks(queue), Dead(queue)];

    /// <summary>The stream of what became of calls.</summary>
    public static string History(string queue) => $"OF_{queue}_HISTORY";

    /// <summary>The queue whose history a stream is; null for any other stream.</summary>
    public static string? QueueOfHistory(string stream) => QueueBefore(stream, "_HISTORY");

    /// <summary>The queue of which a stream is one of <see cref="StreamsOf"/>; null for any other stream. No queue's name can end as theirs do.</summary>
    public static string? QueueOf(string stream) => QueueBefore(stream, "_ASIDE") ?? QueueBefore(stream, "_CALLBACKS") ?? QueueBefore(stream, "_DEAD") ?? QueueBefore(stream, "");

    /// <summary>The one subject of <see cref="History"/>.</summary>
    public static string HistorySubject(string queue) => $"{queue}.history";

    /// <summary>All subjects of <see cref="Calls"/>.</summary>
    public static string CallSubjects(string queue) => $"{queue}.call.>";

    /// <summary>All subjects of <see cref="Callbacks"/>.</summary>
    public static string CallbackSubjects(string queue) => $"{queue}.callback.>";

    /// <summary>All subjects of <see cref="Dead"/>.</summary>
    public static string DeadSubjects(string queue) => $"{queue}.dead.>";

    /// <summary>All subjects of <see cref="Aside"/>.</summary>
    public static string AsideSubjects(string queue) => $"{queue}.aside.>";

    /// <summary>One function's subjects of <see cref="Calls"/>; null for all.</summary>
    public static string CallSubjects(string queue, FunctionName? function) => function is { } one ? $"{queue}.call.*.{Tail(one)}" : CallSubjects(queue);

    /// <summary>One function's subjects of <see cref="Aside"/>; null for all.</summary>
    public static string AsideSubjects(string queue, FunctionName? function) => function is { } one ? $"{queue}.aside.*.*.{Tail(one)}" : AsideSubjects(queue);

    /// <summary>One function's dead letters of every kind.</summary>
    public static string DeadSubjects(string queue, FunctionName function) => $"{queue}.dead.*.{Tail(function)}";

    /// <summary>Where the stream sends the headers of every stored call, for workers in function mode.</summary>
    public static string Hints(string queue) => $"{HintPrefix}{queue}.call.>";

    /// <summary>Where the stream sends the headers of every call that is put aside.</summary>
    public static string AsideHints(string queue) => $"{HintPrefix}{queue}.aside.>";

    /// <summary>The subject of the message that a hint, of <see cref="Hints"/> or <see cref="AsideHints"/>, is about.</summary>
    public static string SubjectOfHint(string hint) => hint[HintPrefix.Length..];

    /// <summary>The stream that a bucket is.</summary>
    public static string BucketStream(string bucket) => $"KV_{bucket}";

    /// <summary>The subject of a key of a bucket, or of all with <c>&gt;</c>.</summary>
    public static string BucketSubject(string bucket, string key) => $"$KV.{bucket}.{key}";

    /// <summary>The subject of a call that is put aside in a group.</summary>
    public static string AsideSubject(string queue, AsideGroup group, Priority priority, FunctionName function) =>
        $"{queue}.aside.{group.Token}.{Word(priority)}.{Tail(function)}";

    /// <summary>Where workers say what they have in hand, to whoever listens.</summary>
    public static string Reports(string queue) => $"OF_WORKERS.{queue}";

    /// <summary>The key in <see cref="Results"/> that tells of the last purge of a queue, or of one function in it. It has dots, and is so no call's.</summary>
    public static string PurgedKey(string queue, FunctionName? function) => function is { } one ? $"purged.{queue}.{Tail(one)}" : $"purged.{queue}";

    /// <summary>All calls of one priority.</summary>
    public static string CallSubjects(string queue, Priority priority) => $"{queue}.call.{Word(priority)}.>";

    /// <summary>The subject of one function's calls.</summary>
    public static string CallSubject(string queue, Priority priority, FunctionName function) => $"{queue}.call.{Word(priority)}.{Tail(function)}";

    /// <summary>The subject of one function's callback records.</summary>
    public static string CallbackSubject(string queue, FunctionName function) => $"{queue}.callback.{Tail(function)}";

    /// <summary>The subject of one function's dead letters of a kind.</summary>
    public static string DeadSubject(string queue, DeadKind kind, FunctionName function) =>
        $"{queue}.dead.{kind.ToString().ToLowerInvariant()}.{Tail(function)}";

    /// <summary>The consumer of one function's calls in function mode.</summary>
    public static string FunctionConsumer(FunctionName function, Priority priority) =>
        $"{FunctionConsumerPrefix}{Token(function.Namespace)}:{Token(function.Name)}:{Word(priority)}";

    /// <summary>Whether a consumer is one of <see cref="FunctionConsumer"/>.</summary>
    public static bool IsFunctionConsumer(string consumer) => consumer.StartsWith(FunctionConsumerPrefix, StringComparison.Ordinal);

    /// <summary>The priority that a call subject, or a hint of one, names; null for a foreign subject.</summary>
    public static Priority? PriorityOf(string subject)
    {
        var tokens = subject.Split('.');
        return tokens.Length < 3 ? null : tokens[^3] == Word(Priority.High) ? Priority.High : tokens[^3] == Word(Priority.Normal) ? Priority.Normal : null;
    }

    /// <summary>A text as one subject token: bytes outside <c>[A-Za-z0-9_-]</c> become <c>=XX</c>.</summary>
    public static string Token(string text)
    {
        if (!text.AsSpan().ContainsAnyExcept(TokenChars))
        {
            return text;
        }

        var token = new StringBuilder(text.Length);
        foreach (var b in Encoding.UTF8.GetBytes(text))
        {
            if (char.IsAsciiLetterOrDigit((char)b) || b is (byte)'_' or (byte)'-')
            {
                token.Append((char)b);
            }
            else
            {
                token.Append('=').Append(b.ToString("X2"));
            }
        }

        return token.ToString();
    }

    /// <summary>The text that <see cref="Token"/> was made of; null if it is no token of ours.</summary>
    public static string? FromToken(string token)
    {
        var bytes = new List<byte>(token.Length);
        for (var i = 0; i < token.Length; i++)
        {
            if (token[i] != '=')
            {
                bytes.Add((byte)token[i]);
            }
            else if (i + 2 < token.Length && byte.TryParse(token.AsSpan(i + 1, 2), System.Globalization.NumberStyles.AllowHexSpecifier, null, out var b))
            {
                bytes.Add(b);
                i += 2;
            }
            else
            {
                return null;
            }
        }

        return Encoding.UTF8.GetString([.. bytes]);
    }

    /// <summary>Whether a call, callback or dead-letter subject is one of the function's.</summary>
    public static bool IsOf(string subject, FunctionName function)
    {
        var (ns, name) = (Token(function.Namespace), Token(function.Name));
        var tail = subject.AsSpan(Math.Max(0, subject.Length - ns.Length - name.Length - 2));
        return (tail.Length == ns.Length + name.Length + 2 && tail[0] == '.' && tail[ns.Length + 1] == '.' && tail[1..].StartsWith(ns) && tail.EndsWith(name) && subject.AsSpan().Count('.') >= 3)
            || FunctionOf(subject) == function;
    }

    /// <summary>The function that a call, callback or dead-letter subject names in its last two tokens; null for a foreign subject.</summary>
    public static FunctionName? FunctionOf(string subject)
    {
        var tokens = subject.Split('.');
        return tokens.Length >= 4 && FromToken(tokens[^2]) is { } ns && FromToken(tokens[^1]) is { } name ? new FunctionName(name, ns) : null;
    }

    /// <summary>Message id of an accept that carries an <c>Idempotency-Key</c>: the key counts per function.</summary>
    public static string CallMessageId(FunctionName function, string idempotencyKey)
    {
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes($"{function.Namespace}\n{function.Name}\n{idempotencyKey}"));
        return "c." + System.Buffers.Text.Base64Url.EncodeToString(hash);
    }

    /// <summary>Message id of a retry copy; <paramref name="attempt"/> is the copy's. Names the redrive, for attempts count anew after one.</summary>
    public static string RetryMessageId(string deliveryId, int redrive, int attempt) => $"r.{deliveryId}.{redrive}.{attempt}";

    /// <summary>Message id of a copy that takes the place of a message nakked too often; <paramref name="sequence"/> is that message's.</summary>
    public static string NakCopyMessageId(string deliveryId, int redrive, int attempt, ulong sequence) => $"h.{deliveryId}.{redrive}.{attempt}.{sequence}";

    /// <summary>
    /// Message id of a copy that takes the place of a message of a newer version, whose ids are not known here: it names the message by its stream, its number and
    /// its time.
    /// </summary>
    public static string NewerCopyMessageId(string stream, ulong sequence, DateTimeOffset stored) => $"n.{stream}.{sequence}.{stored.UtcTicks}";

    /// <summary>Message id of a call that is put aside by a worker; <paramref name="sequence"/> is its message's in <see cref="Calls"/>.</summary>
    public static string HoldMessageId(string deliveryId, int redrive, int attempt, ulong sequence) => $"p.{deliveryId}.{redrive}.{attempt}.{sequence}";

    /// <summary>Message id of a call that comes back from those put aside; <paramref name="sequence"/> is its message's there.</summary>
    public static string ReturnMessageId(string deliveryId, int redrive, int attempt, ulong sequence) => $"w.{deliveryId}.{redrive}.{attempt}.{sequence}";

    /// <summary>Message id of a callback record.</summary>
    public static string CallbackMessageId(string deliveryId, int redrive) => $"b.{deliveryId}.{redrive}";

    /// <summary>Message id of a callback record's retry copy; <paramref name="attempt"/> is the copy's. The record's own redrive counts beside the call's.</summary>
    public static string CallbackRetryMessageId(string deliveryId, int redrive, int attempt, int callbackRedrive = 0) =>
        $"b.{deliveryId}.{redrive}.{attempt}{Again(callbackRedrive)}";

    /// <summary>Message id of a redriven callback record; <paramref name="callbackRedrive"/> is the copy's.</summary>
    public static string CallbackRedriveMessageId(string deliveryId, int redrive, int callbackRedrive) => $"v.b.{deliveryId}.{redrive}{Again(callbackRedrive)}";

    /// <summary>Message id of a call's dead letter.</summary>
    public static string DeadMessageId(string deliveryId, int redrive) => $"d.{deliveryId}.{redrive}";

    /// <summary>Message id of a callback's dead letter, which the call's own may precede in the same stream.</summary>
    public static string DeadCallbackMessageId(string deliveryId, int redrive, int callbackRedrive = 0) => $"d.b.{deliveryId}.{redrive}{Again(callbackRedrive)}";

    /// <summary>
    /// Message id of the dead letter of a message that has no delivery id. Names its stream, for those of a queue share one for dead letters; sequences start
    /// anew with their stream, so its time is part of it.
    /// </summary>
    public static string ForeignMessageId(string stream, ulong sequence, DateTimeOffset stored) => $"d.f.{stream}.{sequence}.{stored.UtcTicks}";

    /// <summary>Message id of a worker's nth message of the history.</summary>
    public static string HistoryMessageId(string worker, long number) => $"e.{worker}.{number}";

    /// <summary>Message id of a redriven call; <paramref name="redrive"/> is the copy's.</summary>
    public static string RedriveMessageId(string deliveryId, int redrive) => $"v.{deliveryId}.{redrive}";

    private static string? QueueBefore(string stream, string ending) =>
        stream.StartsWith("OF_", StringComparison.Ordinal) && stream.EndsWith(ending, StringComparison.Ordinal) && stream.Length > "OF_".Length + ending.Length
            && stream["OF_".Length..^ending.Length] is var queue && QueueName().IsMatch(queue)
            ? queue
            : null;

    private static readonly SearchValues<char> TokenChars = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");

    private static string Again(int callbackRedrive) => callbackRedrive > 0 ? $".v{callbackRedrive}" : "";

    private static string Word(Priority priority) => priority == Priority.High ? "high" : "normal";

    internal static string Tail(FunctionName function) => $"{Token(function.Namespace)}.{Token(function.Name)}";
}

/// <summary>Which end a dead letter records: the third token of its subject.</summary>
public enum DeadKind
{
    /// <summary>A call that was given up: exhausted, failed, worker lost, foreign.</summary>
    Call,

    /// <summary>A callback that could not be delivered.</summary>
    Callback,

    /// <summary>A call that its caller cancelled.</summary>
    Cancelled,

    /// <summary>A call whose deadline passed.</summary>
    Expired,
}
