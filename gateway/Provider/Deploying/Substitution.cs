using System.Text;

namespace Connectors.Provider.Deploying;

/// <summary>
/// <c>${NAME}</c> in a stack file, as faas-cli puts variables of its environment there before it reads the file: <c>${NAME:-word}</c> (and <c>:=</c>,
/// <c>=</c>) is the word if NAME is not set or empty, and a word may hold substitutions itself; <c>${NAME^^}</c> and <c>${NAME,,}</c> change its case;
/// <c>$${NAME}</c> stays as <c>${NAME}</c>. A dollar sign without a brace is only that.
/// </summary>
internal static class Substitution
{
    /// <summary>The text with everything put in its place.</summary>
    /// <param name="text">The text.</param>
    /// <param name="variable">The value of a name; null or empty for none.</param>
    /// <exception cref="FormatException">A substitution that is not closed, has no name, or is of another kind; the message begins with its line.</exception>
    public static string Apply(string text, Func<string, string?> variable)
    {
        var at = 0;
        return Read(text, ref at, variable, isWord: false);
    }

    private static string Read(string text, ref int at, Func<string, string?> variable, bool isWord)
    {
        var read = new StringBuilder();
        while (at < text.Length && !(isWord && text[at] == '}'))
        {
            if (!isWord && text.AsSpan(at).StartsWith("$$"))
            {
                read.Append('$');
                at += 2;
            }
            else if (text.AsSpan(at).StartsWith("${"))
            {
                read.Append(ReadOne(text, ref at, variable));
            }
            else
            {
                read.Append(text[at++]);
            }
        }

        return read.ToString();
    }

    private static string ReadOne(string text, ref int at, Func<string, string?> variable)
    {
        var start = at;
        at += 2;
        var from = at;
        while (at < text.Length && (char.IsLetterOrDigit(text[at]) || text[at] == '_'))
        {
            at++;
        }

        var name = text[from..at];
        var value = variable(name) ?? "";
        switch (text[at..Math.Min(at + 2, text.Length)])
        {
            case ":-" or ":=" or ":?" or ":+":
                at += 2;
                value = Or(value, Read(text, ref at, variable, isWord: true));
                break;
            case ['=', ..]:
                at++;
                value = Or(value, Read(text, ref at, variable, isWord: true));
                break;
            case "^^":
                at += 2;
                value = value.ToUpperInvariant();
                break;
            case ",,":
                at += 2;
                value = value.ToLowerInvariant();
                break;
        }

        if (name.Length == 0 || at >= text.Length || text[at] != '}')
        {
            var line = text.AsSpan(0, start).Count('\n') + 1;
            var whole = text[start..Math.Min(start + 40, text.Length)].Split('\n')[0];
            throw new FormatException($"line {line}: {whole}: is not a substitution that is known here; allowed: ${{NAME}}, ${{NAME:-word}}, ${{NAME^^}}, ${{NAME,,}}, and $${{ for the text itself");
        }

        at++;
        return value;

        static string Or(string value, string word) => value.Length > 0 ? value : word;
    }
}
