using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Connectors.Sdk.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Connectors.Sdk.Tests.Hosting;

public class LogLineFormatterTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 2, 3, 4, 5, 678, TimeSpan.Zero);

    [Fact]
    public void A_console_line_has_time_level_message_and_the_fields_as_json() =>
        Assert.Equal(
            """2026-01-02T03:04:05.678Z info Invoked {"callId":"c1","status":200,"duration":0.25,"ok":true}""",
            Write(LogEncoding.Console, "Invoked", null, ("callId", "c1"), ("status", 200), ("duration", TimeSpan.FromMilliseconds(250)), ("ok", true), ("error", null)));

    // As in Denmark: without cultures on the machine there is no other way to one.
    [Theory]
    [InlineData(LogEncoding.Console, "2026-01-02T03:04:05.678Z info")]
    [InlineData(LogEncoding.Json, "{\"ts\":\"2026-01-02T03:04:05.678Z\"")]
    public void A_time_is_written_the_same_in_any_culture(LogEncoding encoding, string begin)
    {
        var usual = CultureInfo.CurrentCulture;
        var other = (CultureInfo)CultureInfo.InvariantCulture.Clone();
        other.DateTimeFormat.TimeSeparator = ".";
        CultureInfo.CurrentCulture = other;
        try
        {
            Assert.StartsWith(begin, Write(encoding, "Invoked", null), StringComparison.Ordinal);
        }
        finally
        {
            CultureInfo.CurrentCulture = usual;
        }
    }

    [Fact]
    public void A_json_line_is_one_object()
    {
        using var line = JsonDocument.Parse(Write(LogEncoding.Json, "Invoked", new InvalidOperationException("broken"), ("status", 500L)));

        Assert.Equal("2026-01-02T03:04:05.678Z", line.RootElement.GetProperty("ts").GetString());
        Assert.Equal("info", line.RootElement.GetProperty("level").GetString());
        Assert.Equal("Invoked", line.RootElement.GetProperty("msg").GetString());
        Assert.Equal(500, line.RootElement.GetProperty("status").GetInt64());
        Assert.Equal("broken", line.RootElement.GetProperty("error").GetString());
    }

    [Theory]
    [InlineData("a\nb")]
    [InlineData("a\r\n2026-01-02T03:04:05.678Z error Forged {}")]
    [InlineData("a\u0085b\u2028c\u2029d\vb\f")]
    [InlineData("\u001b[2K\u001b[1Gforged")]
    [InlineData("\"}\n{\"level\":\"error\"")]
    [InlineData("\ud800 lone, \udc00 too")]
    [InlineData("\0")]
    public void Nothing_in_a_message_a_value_or_an_exception_starts_a_line(string hostile)
    {
        foreach (var encoding in new[] { LogEncoding.Console, LogEncoding.Json })
        {
            var line = Write(encoding, "Message " + hostile, new InvalidOperationException(hostile), ("value", hostile));

            Assert.DoesNotContain(line, c => char.IsControl(c) || c is '\u2028' or '\u2029');
            using var json = JsonDocument.Parse(encoding == LogEncoding.Json ? line : line[line.IndexOf("{\"value\"", StringComparison.Ordinal)..]);
            Assert.Equal(JsonValueKind.String, json.RootElement.GetProperty("value").ValueKind);
        }
    }

    [Fact]
    public void Numbers_that_json_does_not_know_are_text() =>
        Assert.Contains("\"rate\":\"NaN\"", Write(LogEncoding.Console, "m", null, ("rate", double.NaN)), StringComparison.Ordinal);

    private static string Write(LogEncoding encoding, string message, Exception? fault, params (string Name, object? Value)[] fields)
    {
        var formatter = new LogLineFormatter(new StoppedClock(), encoding);
        IReadOnlyList<KeyValuePair<string, object?>> state = [.. fields.Select(f => KeyValuePair.Create(f.Name, f.Value)), KeyValuePair.Create<string, object?>("{OriginalFormat}", message)];
        var line = new ArrayBufferWriter<byte>();

        formatter.Write(new LogEntry<IReadOnlyList<KeyValuePair<string, object?>>>(LogLevel.Information, "c", 1, state, fault, (_, _) => message), line);

        var written = Encoding.UTF8.GetString(line.WrittenSpan);
        Assert.EndsWith("\n", written, StringComparison.Ordinal);
        return written[..^1];
    }

    private sealed class StoppedClock : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => Now;
    }
}
