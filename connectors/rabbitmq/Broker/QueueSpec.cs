using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Connectors.Sdk.Hosting;

namespace Connectors.RabbitMq.Broker;

/// <summary>A queue to consume, and what it is like if it has to be made. One that is there is taken as it is.</summary>
/// <param name="Name">Its name, which is the topic.</param>
/// <param name="Durable">Whether it survives a restart of the broker.</param>
/// <param name="NoWait">Not to wait for the broker's word that it is made. Read, and without effect: what is not known to be there cannot be consumed.</param>
/// <param name="AutoDelete">Whether it goes with its last consumer.</param>
/// <param name="Exclusive">Whether it belongs to our connection alone, and goes with it.</param>
internal sealed record QueueSpec(
    [property: JsonRequired] string Name,
    bool Durable = true,
    [property: JsonPropertyName("nowait")] bool NoWait = false,
    [property: JsonPropertyName("autodelete")] bool AutoDelete = false,
    bool Exclusive = false)
{
    private const int MaxNameBytes = 255;
    private const string Allowed =
        """names separated by commas, or a list such as [{"name":"orders","durable":true}], whose entries have name and, if they wish, durable, nowait, autodelete, exclusive""";

    public static IReadOnlyList<QueueSpec> Read(Settings settings)
    {
        var text = settings.Text("queues", "", "Queues to consume: names separated by commas, or a JSON list of name, durable, autodelete, exclusive; a queue's name is its topic");
        if (text.Length == 0)
        {
            settings.Fault("queues", Allowed);
            return [];
        }

        if (TryParse(text) is not { } queues || queues.Any(q => q is null))
        {
            settings.Fault("queues", Allowed);
            return [];
        }

        if (queues.FirstOrDefault(q => !IsName(q.Name)) is not null || queues.Count == 0)
        {
            settings.Fault("queues", $"at least one queue, with a name of 1 to {MaxNameBytes} bytes");
        }
        else if (queues.GroupBy(q => q.Name).FirstOrDefault(g => g.Count() > 1) is { } twice)
        {
            settings.Fault("queues", $"each queue once; \"{twice.Key}\" is there twice");
        }

        return queues;
    }

    /// <summary>Whether a queue can have that name.</summary>
    public static bool IsName(string? name) => !string.IsNullOrEmpty(name) && Encoding.UTF8.GetByteCount(name) <= MaxNameBytes;

    private static List<QueueSpec>? TryParse(string text)
    {
        if (!text.StartsWith('['))
        {
            return [.. text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(name => new QueueSpec(name))];
        }

        try
        {
            return JsonSerializer.Deserialize(text, QueueJson.Default.ListQueueSpec);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
[JsonSerializable(typeof(List<QueueSpec>))]
internal sealed partial class QueueJson : JsonSerializerContext;
