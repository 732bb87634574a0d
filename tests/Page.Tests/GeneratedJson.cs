using System.Text.RegularExpressions;

namespace Connectors.Page.Tests;

/// <summary>Texts of JSON as others may write it: with white space anywhere, numbers that no program keeps, strings full of brackets, and keys that come twice.</summary>
internal static partial class GeneratedJson
{
    private const int MaxDepth = 5;

    private static readonly string[] Atoms =
    [
        "null", "true", "false", "0", "-0", "1.10", "1E+2", "1e400", "9007199254740993", "123456789012345678901234567890", "0.1000000000000000055",
        "\"\"", "\"a, b\"", "\" [ { : } ] , \"", "\"\\\"\"", "\"\\\\\"", "\"\\\\\\\" ,  {\"", "\"\\u0022 \\n\"", "\"ü – \u2028 😀\"", "\"2\"", "\"1\"", "\"__proto__\"",
    ];

    private static readonly string[] Blanks = ["", "", "", " ", "\n", "\t ", "\r\n  "];

    /// <summary>An array or an object.</summary>
    public static string Container(Random random, int depth = 0)
    {
        var isObject = random.Next(2) == 0;
        var items = Enumerable.Range(0, random.Next(5)).Select(_ => Blank(random) + (isObject ? Key(random) : "") + Value(random, depth) + Blank(random)).ToList();
        var inside = items.Count > 0 ? string.Join(',', items) : Blank(random);
        return depth == 0 ? $"{Blank(random)}{Around(inside, isObject)}{Blank(random)}" : Around(inside, isObject);
    }

    /// <summary>The same text without the white space that means nothing.</summary>
    public static string Bare(string json) => StringOrBlanks().Replace(json, "$1");

    private static string Around(string inside, bool isObject) => isObject ? $"{{{inside}}}" : $"[{inside}]";

    private static string Key(Random random) => $"{Pick(random, Atoms.Where(atom => atom[0] == '"').ToArray())}{Blank(random)}:{Blank(random)}";

    private static string Value(Random random, int depth) => depth < MaxDepth && random.Next(3) == 0 ? Container(random, depth + 1) : Pick(random, Atoms);

    private static string Blank(Random random) => Pick(random, Blanks);

    private static string Pick(Random random, string[] from) => from[random.Next(from.Length)];

    [GeneratedRegex(@"(""(?:[^""\\]|\\.)*"")|\s+")]
    private static partial Regex StringOrBlanks();
}
