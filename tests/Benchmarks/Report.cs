using System.Globalization;
using System.Text;
using Connectors.Testing;

namespace Connectors.Benchmarks;

/// <summary>A benchmark's figures, with the machine that they were measured on.</summary>
internal sealed class Report(string title)
{
    private readonly StringBuilder _text = new($"## {title}\n\n");
    private bool _isBegun;

    internal string Markdown => _text.ToString();

    /// <summary>A row of figures; the first row is the head.</summary>
    internal Report Row(params object[] cells)
    {
        _text.Append("| ").AppendJoin(" | ", cells.Select(Format)).Append(" |\n");
        if (!_isBegun)
        {
            _isBegun = true;
            _text.Append('|').Insert(_text.Length, " --- |", cells.Length).Append('\n');
        }

        return this;
    }

    /// <summary>Begins another table.</summary>
    internal Report Table()
    {
        _isBegun = false;
        _text.Append('\n');
        return this;
    }

    /// <summary>What has to be known to read the figures.</summary>
    internal Report Note(string text)
    {
        _text.Append('\n').Append(text).Append('\n');
        return this;
    }

    /// <summary>Writes it into <c>tests/Benchmarks/results</c>, in place of the last.</summary>
    internal async Task SaveAsync(string name)
    {
        var folder = Directory.CreateDirectory(Path.Combine(Tools.RepositoryRoot, "tests", "Benchmarks", "results"));
        var day = TimeProvider.System.GetUtcNow().ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
        await File.WriteAllTextAsync(Path.Combine(folder.FullName, name + ".md"), $"{Markdown}\nMeasured {day} with `./bench {name}` on {Machine.Describe()}.\n");
    }

    internal static string Format(object cell) => cell switch
    {
        double and >= 100 => ((double)cell).ToString("N0", CultureInfo.InvariantCulture),
        double small => small.ToString("0.##", CultureInfo.InvariantCulture),
        int or long => Convert.ToInt64(cell, CultureInfo.InvariantCulture).ToString("N0", CultureInfo.InvariantCulture),
        TimeSpan time when time == TimeSpan.Zero => "",
        TimeSpan time => time.TotalMilliseconds.ToString("0.## ms", CultureInfo.InvariantCulture),
        _ => cell.ToString() ?? "",
    };
}
