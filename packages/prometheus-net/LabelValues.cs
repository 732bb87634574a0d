using System.Text;

namespace Prometheus;

/// <summary>The label values that tell one child of a metric from another.</summary>
internal readonly record struct LabelValues(string[] Values)
{
    public bool Equals(LabelValues other) => Values.AsSpan().SequenceEqual(other.Values);

    public override int GetHashCode()
    {
        var hash = default(HashCode);
        foreach (var value in Values)
        {
            hash.Add(value, StringComparer.Ordinal);
        }

        return hash.ToHashCode();
    }

    /// <summary>The labels as they stand in the exposition, without the braces.</summary>
    public string Format(IReadOnlyList<string> names)
    {
        var text = new StringBuilder();
        for (var i = 0; i < Values.Length; i++)
        {
            Append(text, names[i], Values[i]);
        }

        return text.ToString();
    }

    /// <summary>Puts one more label behind those already formatted.</summary>
    public static string With(string labels, string name, string value) => Append(new StringBuilder(labels), name, value).ToString();

    private static StringBuilder Append(StringBuilder text, string name, string value)
    {
        if (text.Length > 0)
        {
            text.Append(',');
        }

        return text.Append(name).Append("=\"").Append(Escape(value)).Append('"');
    }

    private static string Escape(string value) =>
        value.AsSpan().IndexOfAny('\\', '"', '\n') < 0
            ? value
            : value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);
}
