using System.Text;
using System.Text.Json.Nodes;

namespace Connectors.Cli.Telling;

/// <summary>Rows under a line of titles, page after page: columns are as wide as what was seen so far needs.</summary>
internal sealed class Table(TextWriter output, params Column[] columns)
{
    private readonly int[] _widths = [.. columns.Select(c => c.Title.Length)];
    private bool _hasTitles;

    public void Add(IEnumerable<JsonNode?> rows)
    {
        var cells = rows.Select(row => columns.Select(c => c.Cell(row)).ToArray()).ToList();
        for (var i = 0; i < columns.Length; i++)
        {
            _widths[i] = cells.Select(row => row[i].Length).Append(_widths[i]).Max();
        }

        var text = new StringBuilder();
        if (!_hasTitles)
        {
            _hasTitles = true;
            Line(text, [.. columns.Select(c => c.Title)]);
        }

        cells.ForEach(row => Line(text, row));
        output.Write(text);
    }

    /// <summary>Names and values below each other.</summary>
    public static void Facts(TextWriter output, IReadOnlyCollection<(string Name, string Value)> facts)
    {
        var width = facts.Max(f => f.Name.Length);
        foreach (var (name, value) in facts)
        {
            output.WriteLine($"{name.PadRight(width)}  {value}");
        }
    }

    private void Line(StringBuilder text, string[] cells) =>
        text.AppendLine(string.Join("  ", columns.Select((column, i) => column.Fit(cells[i], _widths[i]))).TrimEnd());
}
