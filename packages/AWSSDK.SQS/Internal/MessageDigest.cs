using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Amazon.SQS.Model;

namespace Amazon.SQS.Internal;

/// <summary>
/// The service's digests of a body and of attributes. Attributes are sorted by name; name, type and value are written each behind its length
/// (four bytes, big-endian), and before the value a byte that says text (1) or binary (2).
/// </summary>
internal static class MessageDigest
{
    private const byte Text = 1;
    private const byte Binary = 2;

    public static string Of(string body) => Hex(Encoding.UTF8.GetBytes(body));

    public static string Of(Dictionary<string, MessageAttributeValue> attributes)
    {
        using var bytes = new MemoryStream();
        foreach (var (name, value) in attributes.OrderBy(a => a.Key, StringComparer.Ordinal))
        {
            Write(bytes, Encoding.UTF8.GetBytes(name));
            Write(bytes, Encoding.UTF8.GetBytes(value.DataType));
            bytes.WriteByte(value.StringValue is null ? Binary : Text);
            Write(bytes, value.StringValue is null ? value.BinaryValue?.ToArray() ?? [] : Encoding.UTF8.GetBytes(value.StringValue));
        }

        return Hex(bytes.ToArray());
    }

    private static void Write(MemoryStream bytes, byte[] part)
    {
        Span<byte> length = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(length, part.Length);
        bytes.Write(length);
        bytes.Write(part);
    }

    private static string Hex(byte[] bytes) => Convert.ToHexStringLower(MD5.HashData(bytes));
}
