namespace Connectors.Sdk.Hosting;

/// <summary>One declared option: what <c>--help</c> and <c>--print-config</c> show of it.</summary>
/// <param name="Name">The environment variable.</param>
/// <param name="Default">The value when unset; empty means none.</param>
/// <param name="Meaning">One sentence for the operator, units included.</param>
/// <param name="Value">The effective value.</param>
/// <param name="IsSecret">Whether the value is masked wherever it is shown.</param>
public sealed partial record Setting(string Name, string Default, string Meaning, string Value, bool IsSecret = false)
{
    /// <summary>The effective value as it may be shown: a secret, and the credentials in an address, are <c>***</c>.</summary>
    public string Shown => IsSecret && Value.Length > 0 ? "***" : WithoutCredentials(Value);

    /// <summary>
    /// Addresses without user and password, well-formed or not: <c>amqp://user:pass@host</c> is <c>amqp://***@host</c>, and <c>user:pass@host</c> is
    /// <c>***@host</c>. A password may have any character in it, so an address ends where the next one of a list begins.
    /// </summary>
    internal static string WithoutCredentials(string value) => Credentials().Replace(value, "$1***@");

    [System.Text.RegularExpressions.GeneratedRegex(
        @"(://|^(?![a-z][\w+.-]*://)(?=[^:@/\s""\[{]+:))(?:(?![,\s]+[a-z][\w+.-]*://).)*@",
        System.Text.RegularExpressions.RegexOptions.IgnoreCase | System.Text.RegularExpressions.RegexOptions.Singleline)]
    private static partial System.Text.RegularExpressions.Regex Credentials();
}
