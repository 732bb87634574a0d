using System.Text.RegularExpressions;

namespace Prometheus;

public abstract partial class Collector
{
    internal Collector(string name, string help, string[] labelNames)
    {
        if (!ValidName().IsMatch(name))
        {
            throw new ArgumentException($"Metric name '{name}' does not match {ValidName()}.");
        }

        foreach (var label in labelNames)
        {
            Check(label);
        }

        if (labelNames.Distinct(StringComparer.Ordinal).Count() != labelNames.Length)
        {
            throw new InvalidOperationException($"Metric {name} has a label twice: {string.Join(", ", labelNames)}.");
        }

        Name = name;
        Help = help;
        LabelNames = labelNames;
    }

    public string Name { get; }

    public string Help { get; }

    public string[] LabelNames { get; }

    internal abstract string Type { get; }

    internal abstract void Write(Exposition text);

    internal abstract void Remove(LabelValues labelValues);

    private static void Check(string label)
    {
        if (label is null)
        {
            throw new ArgumentException("A label name is null.");
        }

        if (!ValidName().IsMatch(label) || label.StartsWith("__", StringComparison.Ordinal))
        {
            throw new ArgumentException($"Label name '{label}' does not match {ValidName()}, or begins with the two underscores reserved for Prometheus itself.");
        }
    }

    [GeneratedRegex("^[a-zA-Z_][a-zA-Z0-9_]*$")]
    private static partial Regex ValidName();
}
