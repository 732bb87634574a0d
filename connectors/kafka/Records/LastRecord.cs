using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Confluent.Kafka;

namespace Connectors.Kafka.Records;

/// <summary>
/// The last record that was done, as it is noted with a committed offset: by it a topic that was deleted and made again is told from the one that was
/// read, where offset and name are the same. Any broker can keep it, with or without topic ids and leader epochs.
/// </summary>
/// <param name="Offset">Where it stands.</param>
/// <param name="Print">A hash of its timestamp, key and value.</param>
internal readonly partial record struct LastRecord(long Offset, ulong Print)
{
    public static LastRecord Of(ConsumeResult<byte[]?, byte[]?> record)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> head = stackalloc byte[16];
        BinaryPrimitives.WriteInt64LittleEndian(head, record.Message.Timestamp.UnixTimestampMs);
        BinaryPrimitives.WriteInt64LittleEndian(head[8..], record.Message.Key?.Length ?? -1);
        hash.AppendData(head);
        hash.AppendData(record.Message.Key.AsSpan());
        BinaryPrimitives.WriteInt64LittleEndian(head, record.Message.Value?.Length ?? -1);
        hash.AppendData(head[..8]);
        hash.AppendData(record.Message.Value.AsSpan());
        Span<byte> whole = stackalloc byte[SHA256.HashSizeInBytes];
        hash.GetHashAndReset(whole);
        return new LastRecord(record.Offset.Value, BinaryPrimitives.ReadUInt64BigEndian(whole));
    }

    /// <summary>Reads what stands for one in a note; null if it is none of ours.</summary>
    public static LastRecord? Parse(string note) =>
        Form().Match(note) is { Success: true } match
        && long.TryParse(match.Groups[1].Value, NumberStyles.None, CultureInfo.InvariantCulture, out var offset)
            ? new LastRecord(offset, ulong.Parse(match.Groups[2].Value, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture))
            : null;

    /// <summary>As it stands in a note.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"last-record {Offset} {Print:x16}");

    [GeneratedRegex("^last-record ([0-9]{1,19}) ([0-9a-f]{16})$")]
    private static partial Regex Form();
}
