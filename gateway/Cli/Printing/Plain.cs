using System.Globalization;

namespace Connectors.Cli.Printing;

/// <summary>Text of callers and functions, made harmless for a terminal.</summary>
internal static class Plain
{
    public static string OneLine(string text) => string.Concat(text.Select(c => IsSafe(c) ? c : '?'));

    /// <summary>Whether it can be shown as it is: no control characters but tabs and ends of lines.</summary>
    public static bool IsText(string text) => text.All(c => IsSafe(c) || c is '\t' or '\n' or '\r');

    // Format characters turn the direction of writing, or hide.
    private static bool IsSafe(char c) => !char.IsControl(c) && c != '\uFFFD' && char.GetUnicodeCategory(c) != UnicodeCategory.Format;
}
