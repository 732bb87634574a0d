using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Connectors.Cli.Json;

namespace Connectors.Cli.Printing;

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

/// <summary>A column of a table: its title, and the property of each row that it shows.</summary>
internal sealed record Column(string Title, string Property)
{
    /// <summary>Numbers stand at the right.</summary>
    public bool IsNumber { get; init; }

    /// <summary>How a row is shown, if not by that property alone.</summary>
    public Func<JsonNode?, string>? Show { get; init; }

    public string Cell(JsonNode? row) => Show is not null ? Plain.OneLine(Show(row)) : Text(row.Find(Property));

    public string Fit(string cell, int width) => IsNumber ? cell.PadLeft(width) : cell.PadRight(width);

    /// <summary>A value for people: times to the second, nothing as a dash.</summary>
    public static string Text(JsonNode? value) => value switch
    {
        null => "-",
        JsonValue one when one.GetValueKind() == JsonValueKind.String => Text(one.As<string>()),
        _ => value.ToJsonString(),
    };

    public static string Text(string value) => value switch
    {
        "" => "-",
        [_, _, _, _, '-', _, _, '-', _, _, 'T', .., 'Z'] when DateTime.TryParse(
            value, CultureInfo.InvariantCulture, DateTimeStyles.AdjustToUniversal, out var time) => time.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture),
        _ => Plain.OneLine(value),
    };
}
