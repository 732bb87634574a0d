using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Connectors.Sdk.Hosting;

/// <summary>
/// One line for each entry. Console: <c>2026-01-02T03:04:05.678Z info Invoked {"callId":"…","status":200}</c>; JSON: the same as one object.
/// Values are always JSON, so that nothing a caller sends can start a line of its own.
/// </summary>
internal sealed class LogLineFormatter(TimeProvider time, LogEncoding encoding)
{
    private const string TimeFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z'";

    // As long as a time is.
    private const int TimeBytes = 24;

    // Only what JSON itself needs is escaped: a log is read by people, and is no HTML.
    private static readonly JsonWriterOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    [ThreadStatic]
    private static Utf8JsonWriter? _json;

    public void Write<TState>(in LogEntry<TState> entry, IBufferWriter<byte> line)
    {
        var json = _json ??= new Utf8JsonWriter(line, Readable);
        var message = entry.Formatter(entry.State, entry.Exception);
        Span<byte> now = stackalloc byte[TimeBytes];
        time.GetUtcNow().UtcDateTime.TryFormat(now, out _, TimeFormat, CultureInfo.InvariantCulture);
        if (encoding == LogEncoding.Console)
        {
            line.Write(now);
            line.Write(" "u8);
            Encoding.UTF8.GetBytes(Level(entry.LogLevel), line);
            line.Write(" "u8);
            Encoding.UTF8.GetBytes(OneLine(message), line);
            line.Write(" "u8);
        }

        json.Reset(line);
        json.WriteStartObject();
        if (encoding == LogEncoding.Json)
        {
            json.WriteString("ts", now);
            json.WriteString("level", Level(entry.LogLevel));
            json.WriteString("msg", message);
        }

        WriteFields(json, entry.State as IReadOnlyList<KeyValuePair<string, object?>> ?? [], entry.Exception);
        json.WriteEndObject();
        json.Flush();
        line.Write("\n"u8);
    }

    private static void WriteFields(Utf8JsonWriter json, IReadOnlyList<KeyValuePair<string, object?>> fields, Exception? exception)
    {
        for (var i = 0; i < fields.Count; i++)
        {
            var (name, value) = fields[i];
            if (value is not null && name != "{OriginalFormat}")
            {
                json.WritePropertyName(name);
                WriteValue(json, value);
            }
        }

        if (exception is not null)
        {
            json.WriteString("error", exception.Message);
            json.WriteString("exception", exception.ToString());
        }
    }

    private static void WriteValue(Utf8JsonWriter json, object value)
    {
        switch (value)
        {
            case string text: json.WriteStringValue(text); break;
            case bool flag: json.WriteBooleanValue(flag); break;
            case int number: json.WriteNumberValue(number); break;
            case long number: json.WriteNumberValue(number); break;
            case ulong number: json.WriteNumberValue(number); break;
            case double number when double.IsFinite(number): json.WriteNumberValue(number); break;
            case TimeSpan duration: json.WriteNumberValue(Math.Round(duration.TotalSeconds, 6)); break;
            case DateTimeOffset instant: json.WriteStringValue(instant.UtcDateTime); break;
            default: json.WriteStringValue(Convert.ToString(value, CultureInfo.InvariantCulture)); break;
        }
    }

    private static string OneLine(string message) =>
        message.AsSpan().IndexOfAnyExceptInRange(' ', '~') >= 0 ? string.Concat(message.Select(c => EndsLine(c) ? ' ' : c)) : message;

    private static bool EndsLine(char c) => char.IsControl(c) || c is '\u2028' or '\u2029';

    private static string Level(LogLevel level) => level switch
    {
        LogLevel.Trace => "trace",
        LogLevel.Debug => "debug",
        LogLevel.Information => "info",
        LogLevel.Warning => "warn",
        _ => "error",
    };
}
