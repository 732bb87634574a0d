using System.Security.Cryptography;
using System.Text;
using Connectors.Sdk.Invocation;
using Connectors.Sdk.Topics;
using Connectors.Streams.Records;

namespace Connectors.Cron.Schedules;

/// <summary>One schedule of one function, with all that its calls need.</summary>
internal sealed record Entry
{
    // A cursor's key is part of a NATS subject, in which a byte may take three characters; the server takes lines of 4 KiB.
    private const int MaxNameBytes = 512;

    public required FunctionName Function { get; init; }

    public required Schedule Schedule { get; init; }

    public required TickPolicy Policy { get; init; }

    /// <summary>The body of each call.</summary>
    public required string Body { get; init; }

    /// <summary>The body's media type; null for the connector's.</summary>
    public string? ContentType { get; init; }

    /// <summary>Names function, schedule and zone: 22 characters of base64url.</summary>
    public string Id { get; private init; } = "";

    /// <summary>The key of its cursor: <c>namespace.function.id</c>, or <c>function.id</c> where the gateway knows no namespaces.</summary>
    public string Key { get; private init; } = "";

    /// <summary>By how much it fires later than it is due; the same in all replicas and after every restart.</summary>
    public TimeSpan Delay { get; private init; }

    /// <summary>All entries of a function.</summary>
    /// <exception cref="BadScheduleException">Its annotations name none.</exception>
    public static IReadOnlyList<Entry> Of(Function function, TickPolicy defaults)
    {
        var annotations = function.Annotations;
        if (Encoding.UTF8.GetByteCount(function.Name.ToString()) > MaxNameBytes)
        {
            throw new BadScheduleException(BadSchedule.Name, $"name and namespace have more than {MaxNameBytes} bytes");
        }

        var zone = annotations.GetValueOrDefault(Annotations.Zone, "").Trim();
        var schedules = ScheduleParser.Parse(annotations.GetValueOrDefault(Annotations.Schedule, ""), zone.Length == 0 ? defaults.Zone : ScheduleParser.Zone(zone));
        var policy = defaults.With(annotations);
        return [.. schedules.Select(schedule => Make(function, schedule, policy))];
    }

    private static Entry Make(Function function, Schedule schedule, TickPolicy policy)
    {
        var name = function.Name;
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes($"{name.Namespace}\n{name.Name}\n{schedule.Text}\n{schedule.Zone.Id}"));
        var id = System.Buffers.Text.Base64Url.EncodeToString(hash)[..22];
        return new Entry
        {
            Function = name,
            Schedule = schedule,
            Policy = policy,
            Body = function.Annotations.GetValueOrDefault(Annotations.Body, ""),
            ContentType = function.Annotations.GetValueOrDefault(Annotations.ContentType),
            Id = id,
            Key = string.Join('.', new[] { name.Namespace, name.Name }.Where(part => part.Length > 0).Select(StreamNames.Token).Append(id)),
            Delay = policy.Jitter * (BitConverter.ToUInt32(hash, 24) / (uint.MaxValue + 1.0)),
        };
    }
}
