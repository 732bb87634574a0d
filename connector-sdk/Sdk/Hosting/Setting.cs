namespace Connectors.Sdk.Hosting;

/// <summary>One declared option: what <c>--help</c> and <c>--print-config</c> show of it.</summary>
/// <param name="Name">The environment variable.</param>
/// <param name="Default">The value when unset; empty means none.</param>
/// <param name="Meaning">One sentence for the operator, units included.</param>
/// <param name="Value">The effective value.</param>
/// <param name="IsSecret">Whether the value is masked wherever it is shown.</param>
public sealed record Setting(string Name, string Default, string Meaning, string Value, bool IsSecret = false);
