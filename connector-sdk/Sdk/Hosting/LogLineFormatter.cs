using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;
using Microsoft.Extensions.Options;

namespace Connectors.Sdk.Hosting;

/// <summary>
/// One line for each entry. Console: <c>2026-01-02T03:04:05.678Z info Invoked {"callId":"…","status":200}</c>; JSON: the same as one object.
/// Values are always JSON, so that nothing a caller sends can start a line of its own.
/// </summary>
internal sealed class LogLineFormatter(TimeProvider time, IOptions<LogLineOptions> options) : ConsoleFormatter(FormatterName)
{
    public const string FormatterName = "connectors";

    // Only what JSON itself needs is escaped: a log is read by people, and is no HTML.
    private static readonly JsonWriterOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public override void Write<TState>(in LogEntry<TState> logEntry, IExternalScopeProvider? scopeProvider, TextWriter textWriter)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using var json = new Utf8JsonWriter(buffer, Readable);
        var now = time.GetUtcNow().UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'");
        var message = logEntry.Formatter(logEntry.State, logEntry.Exception);
        var isJson = options.Value.Encoding == LogEncoding.Json;

        json.WriteStartObject();
        if (isJson)
        {
            json.WriteString("ts", now);
            json.WriteString("level", Level(logEntry.LogLevel));
            json.WriteString("msg", message);
        }

        WriteFields(json, logEntry.State as IReadOnlyList<KeyValuePair<string, object?>>, logEntry.Exception);
        json.WriteEndObject();
        json.Flush();

        if (!isJson)
        {
            textWriter.Write($"{now} {Level(logEntry.LogLevel)} {OneLine(message)} ");
        }

        textWriter.WriteLine(Encoding.UTF8.GetString(buffer.WrittenSpan));
    }

    private static void WriteFields(Utf8JsonWriter json, IReadOnlyList<KeyValuePair<string, object?>>? fields, Exception? exception)
    {
        foreach (var (name, value) in fields ?? [])
        {
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
            case bool flag: json.WriteBooleanValue(flag); break;
            case int number: json.WriteNumberValue(number); break;
            case long number: json.WriteNumberValue(number); break;
            case ulong number: json.WriteNumberValue(number); break;
            case double number when double.IsFinite(number): json.WriteNumberValue(number); break;
            case TimeSpan duration: json.WriteNumberValue(Math.Round(duration.TotalSeconds, 6)); break;
            case DateTimeOffset instant: json.WriteStringValue(instant.UtcDateTime); break;
            default: json.WriteStringValue(Convert.ToString(value, System.Globalization.CultureInfo.InvariantCulture)); break;
        }
    }

    private static string OneLine(string message) =>
        message.Any(EndsLine) ? string.Concat(message.Select(c => EndsLine(c) ? ' ' : c)) : message;

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

/// <summary>What <see cref="LogLineFormatter"/> is set to.</summary>
internal sealed class LogLineOptions : ConsoleFormatterOptions
{
    public LogEncoding Encoding { get; set; }
}
