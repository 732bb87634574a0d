using System.Buffers;
using System.Globalization;
using System.Text;

namespace NATS.Client.Core;

/// <summary>Strings, numbers, dates, Guids and booleans as UTF-8 text.</summary>
public class NatsUtf8PrimitivesSerializer<T> : INatsSerializer<T>
{
    public static readonly NatsUtf8PrimitivesSerializer<T> Default = new(default);

    private static readonly Type Target = Nullable.GetUnderlyingType(typeof(T)) ?? typeof(T);

    private readonly INatsSerializer<T>? _next;

    public NatsUtf8PrimitivesSerializer(INatsSerializer<T>? next = default) => _next = next;

    public INatsSerializer<T> CombineWith(INatsSerializer<T> next) => new NatsUtf8PrimitivesSerializer<T>(next);

    public void Serialize(IBufferWriter<byte> bufferWriter, T value)
    {
        switch (value)
        {
            case string text:
                Encoding.UTF8.GetBytes(text, bufferWriter);
                break;
            case DateTime or DateTimeOffset:
                Format(bufferWriter, (IUtf8SpanFormattable)(object)value, "O");
                break;
            case Guid or TimeSpan or byte or sbyte or short or ushort or int or uint or long or ulong or float or double or decimal:
                Format(bufferWriter, (IUtf8SpanFormattable)(object)value, default);
                break;
            case bool flag:
                bufferWriter.Write(flag ? "True"u8 : "False"u8);
                break;
            default:
                if (_next is null)
                    throw new NatsException($"Can't serialize {typeof(T)}");
                _next.Serialize(bufferWriter, value);
                break;
        }
    }

    public T? Deserialize(in ReadOnlySequence<byte> buffer)
    {
        if (typeof(T) == typeof(string))
            return (T)(object)Encoding.UTF8.GetString(buffer);
        if (!IsPrimitive)
            return _next is null ? throw new NatsException($"Can't deserialize {typeof(T)}") : _next.Deserialize(buffer);

        var text = Encoding.UTF8.GetString(buffer);
        try
        {
            return (T)Parse(text);
        }
        catch (FormatException)
        {
            throw new NatsException($"Can't deserialize {typeof(T)}. Parsing error");
        }
    }

    private static bool IsPrimitive =>
        Target == typeof(bool) || Target == typeof(byte) || Target == typeof(sbyte) || Target == typeof(short) || Target == typeof(ushort)
        || Target == typeof(int) || Target == typeof(uint) || Target == typeof(long) || Target == typeof(ulong) || Target == typeof(float)
        || Target == typeof(double) || Target == typeof(decimal) || Target == typeof(Guid) || Target == typeof(TimeSpan)
        || Target == typeof(DateTime) || Target == typeof(DateTimeOffset);

    private static object Parse(string text)
    {
        var culture = CultureInfo.InvariantCulture;
        if (Target == typeof(Guid))
            return Guid.Parse(text);
        if (Target == typeof(TimeSpan))
            return TimeSpan.Parse(text, culture);
        if (Target == typeof(DateTime))
            return DateTime.Parse(text, culture, DateTimeStyles.RoundtripKind);
        if (Target == typeof(DateTimeOffset))
            return DateTimeOffset.Parse(text, culture, DateTimeStyles.RoundtripKind);
        return Convert.ChangeType(text, Target, culture);
    }

    private static void Format(IBufferWriter<byte> writer, IUtf8SpanFormattable value, ReadOnlySpan<char> format)
    {
        // The longest of them, a decimal or a double, stays under 64 bytes.
        if (!value.TryFormat(writer.GetSpan(64), out var written, format, CultureInfo.InvariantCulture))
            throw new NatsException($"Can't serialize {typeof(T)}, format error");
        writer.Advance(written);
    }
}
