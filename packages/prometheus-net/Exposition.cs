using System.Globalization;
using System.Text;

namespace Prometheus;

/// <summary>Writes the text exposition format, version 0.0.4 (prometheus.io, "Exposition formats").</summary>
internal sealed class Exposition
{
    private readonly StringBuilder _text = new();

    public static string Number(double value) => value switch
    {
        double.PositiveInfinity => "+Inf",
        double.NegativeInfinity => "-Inf",
        double.NaN => "NaN",
        _ => value.ToString("R", CultureInfo.InvariantCulture),
    };

    /// <summary>The two lines that stand once before all samples of a name.</summary>
    public void Family(string name, string help, string type)
    {
        var escaped = help.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);
        _text.Append("# HELP ").Append(name).Append(' ').Append(escaped).Append('\n');
        _text.Append("# TYPE ").Append(name).Append(' ').Append(type).Append('\n');
    }

    public void Sample(string name, string labels, double value)
    {
        Name(name, labels);
        _text.Append(Number(value)).Append('\n');
    }

    public void Sample(string name, string labels, long count)
    {
        Name(name, labels);
        _text.Append(count).Append('\n');
    }

    public byte[] ToBytes() => Encoding.UTF8.GetBytes(_text.ToString());

    private void Name(string name, string labels)
    {
        _text.Append(name);
        if (labels.Length > 0)
        {
            _text.Append('{').Append(labels).Append('}');
        }

        _text.Append(' ');
    }
}
