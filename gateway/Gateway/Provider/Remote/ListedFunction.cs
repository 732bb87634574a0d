using System.Buffers;
using System.Text.Json;

namespace Connectors.Gateway.Provider.Remote;

/// <summary>
/// A function as a provider tells of it, read by itself: an odd one hides no other. What cannot be read of it counts as left out, among its annotations, labels
/// and variables each text by itself; without a name it is none.
/// </summary>
/// <param name="Status">The function; null for what is none that can be read.</param>
/// <param name="Oddity">What is passed over, in words; null for nothing.</param>
internal sealed record ListedFunction(FunctionStatus? Status, string? Oddity)
{
    private static readonly string[] Maps = ["annotations", "labels", "envVars"];

    /// <summary>Reads a function.</summary>
    /// <param name="entry">As it was sent.</param>
    /// <param name="readable">The same without what is passed over.</param>
    public static ListedFunction Read(JsonElement entry, out JsonElement readable)
    {
        readable = entry;
        if (TryRead(entry, out var fault) is { } whole)
        {
            return new ListedFunction(whole, null);
        }

        var name = OddJson.Text(OddJson.Property(entry, "name")) ?? "an entry without a name";
        if (entry.ValueKind == JsonValueKind.Object)
        {
            var first = fault;
            readable = WithWhatCanBeRead(entry);
            if (TryRead(readable, out fault) is { } most)
            {
                return new ListedFunction(most, $"{name}: {first}");
            }
        }

        return new ListedFunction(null, $"{name}: {fault}");
    }

    private static FunctionStatus? TryRead(JsonElement entry, out string fault)
    {
        fault = "it is no function with a name";
        try
        {
            // To whoever reads as Go does, a namespace that is empty is none.
            return entry.Deserialize(ProviderJson.Default.FunctionStatus) is { Name.Length: > 0 } function ? function with { Namespace = function.Namespace is { Length: > 0 } own ? own : null } : null;
        }
        catch (Exception unreadable) when (unreadable is JsonException or InvalidOperationException or ArgumentException or NotSupportedException)
        {
            fault = unreadable is JsonException { Path: { } path } ? $"{path} cannot be read" : "it cannot be read";
            return null;
        }
    }

    private static JsonElement WithWhatCanBeRead(JsonElement entry)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            foreach (var (name, value) in OddJson.Properties(entry))
            {
                if (Maps.Contains(name, StringComparer.OrdinalIgnoreCase))
                {
                    WriteTexts(writer, name, value);
                }
                else if (CanBeRead(name, value))
                {
                    OddJson.Copy(writer, name, value);
                }
            }

            writer.WriteEndObject();
        }

        return JsonElement.Parse(buffer.WrittenSpan, OddJson.Options);
    }

    private static bool CanBeRead(string name, JsonElement value)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            writer.WriteString("name", "any");
            OddJson.Copy(writer, name, value);
            writer.WriteEndObject();
        }

        return TryRead(JsonElement.Parse(buffer.WrittenSpan, OddJson.Options), out _) is not null;
    }

    // One that is null has no value, as Go reads it.
    private static void WriteTexts(Utf8JsonWriter writer, string name, JsonElement map)
    {
        writer.WriteStartObject(name);
        foreach (var (key, value) in OddJson.Properties(map))
        {
            if (value.ValueKind == JsonValueKind.Null || OddJson.Text(value) is not null)
            {
                OddJson.Copy(writer, key, value);
            }
        }

        writer.WriteEndObject();
    }
}
