using System.Collections;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Connectors.Sdk.Hosting;

/// <summary>
/// Reads a service's options from environment variables, overlaid by command-line flags (<c>--queue-url=x</c> is <c>queue_url=x</c>).
/// Each reading call also declares the option, so that help, effective configuration and validation come from one place.
/// Faults are collected, never thrown: the value read is then the default. Unknown names are no error.
/// </summary>
public sealed class Settings(IReadOnlyDictionary<string, string> values)
{
    private readonly List<Setting> _declared = [];
    private readonly List<string> _errors = [];

    /// <summary>Every option read so far, in order.</summary>
    public IReadOnlyList<Setting> Declared => _declared;

    /// <summary>One line for each fault: name, value given, what is allowed.</summary>
    public IReadOnlyList<string> Errors => _errors;

    /// <summary>The names given, for options whose names are patterns (for example <c>kafka_…</c>).</summary>
    public IEnumerable<string> Names => values.Keys;

    /// <summary>The process's environment with the flags of <paramref name="args"/> over it. Go's single dash is accepted too; a bare flag means <c>true</c>.</summary>
    public static Settings FromProcess(IEnumerable<string> args)
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (DictionaryEntry variable in Environment.GetEnvironmentVariables())
        {
            values[(string)variable.Key] = (string?)variable.Value ?? "";
        }

        foreach (var arg in args.Where(a => a.StartsWith('-')))
        {
            var flag = arg.TrimStart('-');
            var equals = flag.IndexOf('=', StringComparison.Ordinal);
            var name = (equals < 0 ? flag : flag[..equals]).Replace('-', '_');
            values[name] = equals < 0 ? "true" : flag[(equals + 1)..];
        }

        return new Settings(values);
    }

    /// <summary>Any text; <paramref name="allowed"/> restricts it and <paramref name="rule"/> says how in words.</summary>
    public string Text(string name, string fallback, string meaning, Regex? allowed = null, string rule = "")
    {
        var value = Declare(name, fallback, meaning);
        return allowed is null || value.Length == 0 || allowed.IsMatch(value) ? value : Refuse(name, value, rule, fallback);
    }

    /// <summary>A text that is masked in everything shown.</summary>
    public string SecretText(string name, string meaning) => Declare(name, "", meaning, isSecret: true);

    /// <summary>A whole number within bounds, both included.</summary>
    public int Number(string name, int fallback, string meaning, int min = 0, int max = int.MaxValue) =>
        (int)LongNumber(name, fallback, meaning, min, max);

    /// <summary>A whole number within bounds, both included; sizes in bytes are such numbers.</summary>
    public long LongNumber(string name, long fallback, string meaning, long min = 0, long max = long.MaxValue)
    {
        var text = Declare(name, fallback.ToString(CultureInfo.InvariantCulture), meaning);
        return long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) && value >= min && value <= max
            ? value
            : Refuse(name, text, Bounds("a whole number", min, max), fallback);

        static string Bounds(string what, long min, long max) =>
            max is int.MaxValue or long.MaxValue ? $"{what}, {min} or more" : $"{what} from {min} to {max}";
    }

    /// <summary><c>true</c>, <c>1</c>, <c>false</c> or <c>0</c>.</summary>
    public bool Flag(string name, bool fallback, string meaning)
    {
        var text = Declare(name, fallback ? "true" : "false", meaning);
        return text.ToLowerInvariant() switch
        {
            "true" or "1" => true,
            "false" or "0" => false,
            _ => Refuse(name, text, "true or false", fallback),
        };
    }

    /// <summary>A duration in Go form or whole seconds, within bounds; never beyond <see cref="GoDuration.Max"/>.</summary>
    public TimeSpan Duration(string name, TimeSpan fallback, string meaning, TimeSpan? min = null, TimeSpan? max = null)
    {
        var text = Declare(name, GoDuration.Format(fallback), meaning);
        return GoDuration.TryParse(text, out var value, out var allowed, min, max) ? value : Refuse(name, text, allowed, fallback);
    }

    /// <summary>An absolute http or https address, to which paths are added; null when unset and no default is given.</summary>
    public Uri? Url(string name, string fallback, string meaning)
    {
        var text = Declare(name, fallback, meaning);
        if (text.Length == 0)
        {
            return null;
        }

        // Nobody sends the user and the password of an address; there are options for those that are wanted.
        return Uri.TryCreate(text, UriKind.Absolute, out var url) && url is { Scheme: "http" or "https", UserInfo: "" } && text.AsSpan().IndexOfAny('?', '#') < 0
            ? url
            : Refuse<Uri?>(name, text, "an address such as http://gateway:8080, without user, password and query", null);
    }

    /// <summary>A file that has to be there; empty when unset.</summary>
    public string File(string name, string meaning)
    {
        var path = Declare(name, "", meaning);
        return path.Length == 0 || System.IO.File.Exists(path) ? path : Refuse(name, path, "a file that is there", path);
    }

    /// <summary>A file with a secret that has to be there, readable and not empty; null when unset.</summary>
    public SecretFile? SecretFile(string name, string meaning)
    {
        var path = Declare(name, "", meaning);
        var secret = path.Length == 0 ? null : new SecretFile(path);
        return secret is null || secret.CanBeRead() ? secret : Refuse(name, path, "a file that is there, can be read and is not empty", secret);
    }

    /// <summary>Refuses a folder of secrets in which one of these is there and cannot be read: it would be missed only when it is needed.</summary>
    public void CheckSecrets(string folder, params IReadOnlyList<string> names)
    {
        foreach (var path in names.Select(name => Path.Combine(folder, name)))
        {
            if (new SecretFile(path).Fault() is { } fault)
            {
                Refuse("secret_mount_path", path, $"a file that this process's user may read, or none ({fault})", 0);
            }
        }
    }

    /// <summary>A list separated by commas, each entry trimmed, empty ones dropped.</summary>
    public IReadOnlyList<string> List(string name, string fallback, string meaning) =>
        Declare(name, fallback, meaning).Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    /// <summary>One of an enum's names, written in lower case with <c>_</c> between words; case, <c>-</c> and <c>_</c> make no difference when it is read.</summary>
    public T Choice<T>(string name, T fallback, string meaning)
        where T : struct, Enum
    {
        var names = Enum.GetValues<T>().ToDictionary(value => SnakeCase(value.ToString()));
        var text = Declare(name, SnakeCase(fallback.ToString()), meaning);
        var chosen = names.Where(known => Letters(known.Key) == Letters(text)).ToList();
        return chosen.Count == 1 ? chosen[0].Value : Refuse(name, text, string.Join(" or ", names.Keys), fallback);

        static string Letters(string text) => text.Replace("-", "", StringComparison.Ordinal).Replace("_", "", StringComparison.Ordinal).ToLowerInvariant();
    }

    /// <summary>Adds a fault that concerns several options, or one value in a way of its own.</summary>
    public void Fault(string name, string allowed)
    {
        var given = values.GetValueOrDefault(name, "");
        var declared = _declared.LastOrDefault(s => s.Name == name);
        Refuse(name, declared?.IsSecret == true ? "***" : given.Length > 0 ? given : declared?.Value ?? "", allowed, 0);
    }

    /// <summary>What was given under a name that is declared elsewhere; null for nothing.</summary>
    internal string? Given(string name) => values.GetValueOrDefault(name, "").Trim() is { Length: > 0 } given ? given : null;

    private string Declare(string name, string fallback, string meaning, bool isSecret = false)
    {
        var value = Given(name) ?? fallback;
        _declared.Add(new Setting(name, fallback, meaning, value, isSecret));
        return value;
    }

    private T Refuse<T>(string name, string value, string allowed, T fallback)
    {
        _errors.Add($"{name}: {(value.Length == 0 ? "is not set" : $"\"{OneLine(Setting.WithoutCredentials(value))}\" is not valid")}; allowed: {allowed}");
        return fallback;
    }

    private static string OneLine(string value) =>
        string.Concat((value.Length > 200 ? value[..200] + "…" : value).Select(c => char.IsControl(c) ? '?' : c));

    private static string SnakeCase(string name) =>
        string.Concat(name.Select((c, i) => char.IsUpper(c) && i > 0 ? $"_{char.ToLowerInvariant(c)}" : $"{char.ToLowerInvariant(c)}"));
}
