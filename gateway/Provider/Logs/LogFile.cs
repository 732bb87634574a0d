using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Connectors.Provider.Contracts;

namespace Connectors.Provider.Logs;

/// <summary>A file of log lines as it is when it is opened: what is written to it later is not read, and another may have its name by then.</summary>
internal sealed class LogFile : IDisposable
{
    private static readonly StreamPipeReaderOptions Reading = new(bufferSize: 64 * 1024, leaveOpen: true);

    private readonly FileStream? _file;
    private readonly long _length;

    private LogFile(FileStream? file)
    {
        _file = file;
        _length = file?.Length ?? 0;
    }

    /// <summary>Opens a file, which need not be there.</summary>
    public static LogFile Open(string path) => new(File.Exists(path)
        ? new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0, useAsync: true)
        : null);

    /// <summary>Every whole line, once; a gateway that was killed may have left half of one.</summary>
    public async IAsyncEnumerable<LogMessage> ReadAsync([EnumeratorCancellation] CancellationToken ct)
    {
        await foreach (var line in LinesAsync(ct))
        {
            if (Parse(line) is { } message)
            {
                yield return message;
            }
        }
    }

    public void Dispose() => _file?.Dispose();

    // Each is there until the next is asked for.
    private async IAsyncEnumerable<ReadOnlySequence<byte>> LinesAsync([EnumeratorCancellation] CancellationToken ct)
    {
        if (_file is null)
        {
            yield break;
        }

        var reader = PipeReader.Create(_file, Reading);
        try
        {
            for (var left = _length; left > 0;)
            {
                var read = await reader.ReadAsync(ct);
                var isLast = read.IsCompleted || read.Buffer.Length >= left;
                var lines = read.Buffer.Slice(0, Math.Min(left, read.Buffer.Length));
                left -= lines.Length;
                while (lines.PositionOf((byte)'\n') is { } end)
                {
                    yield return lines.Slice(0, end);
                    lines = lines.Slice(lines.GetPosition(1, end));
                }

                if (isLast)
                {
                    yield break;
                }

                left += lines.Length;
                reader.AdvanceTo(lines.Start, read.Buffer.End);
            }
        }
        finally
        {
            await reader.CompleteAsync();
        }
    }

    private static LogMessage? Parse(in ReadOnlySequence<byte> line)
    {
        try
        {
            var json = new Utf8JsonReader(line);
            return JsonSerializer.Deserialize(ref json, ProviderJson.Default.LogMessage);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
