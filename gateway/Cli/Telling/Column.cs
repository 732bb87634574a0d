using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Connectors.Cli.Telling;

/// <summary>A column of a table: its title, and the property of each row that it shows.</summary>
internal sealed record Column(string Title, string Property)
{
    /// <summary>Numbers stand at the right.</summary>
    public bool IsNumber { get; init; }

    public string Cell(JsonNode? row) => Text(row?[Property]);

    public string Fit(string cell, int width) => IsNumber ? cell.PadLeft(width) : cell.PadRight(width);

    /// <summary>A value for people: times to the second, nothing as a dash.</summary>
    public static string Text(JsonNode? value) => value switch
    {
        null => "-",
        JsonValue one when one.GetValueKind() == JsonValueKind.String => Text(one.GetValue<string>()),
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
