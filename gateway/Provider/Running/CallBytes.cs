using System.Buffers;

namespace Connectors.Provider.Running;

/// <summary>A body of one call, kept until all of it is there: in memory at first, then in a file that has no name.</summary>
internal sealed class CallBytes(long limit) : IAsyncDisposable
{
    private const int InMemory = 1024 * 1024;

    private Stream _kept = new MemoryStream(4096);

    public long Length { get; private set; }

    /// <summary>Reads a stream to its end. False if there was more than the limit. What came before <paramref name="ct"/> ends the reading is kept.</summary>
    public async Task<bool> ReadAsync(Stream from, CancellationToken ct)
    {
        var chunk = ArrayPool<byte>.Shared.Rent(64 * 1024);
        try
        {
            for (int read; (read = await from.ReadAsync(chunk, ct)) > 0;)
            {
                if (Length + read > limit)
                {
                    return false;
                }

                await AppendAsync(chunk.AsMemory(0, read));
                Length += read;
            }

            return true;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(chunk);
        }
    }

    /// <summary>All that was read, from its beginning; to be read once, and before this is disposed.</summary>
    public Stream Rewind()
    {
        _kept.Position = 0;
        return _kept;
    }

    public ValueTask DisposeAsync() => _kept.DisposeAsync();

    private async Task AppendAsync(ReadOnlyMemory<byte> bytes)
    {
        if (Length + bytes.Length > InMemory && _kept is MemoryStream)
        {
            var start = Rewind();
            _kept = Nameless();
            await start.CopyToAsync(_kept);
        }

        await _kept.WriteAsync(bytes);
    }

    private static FileStream Nameless()
    {
        var path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        var file = new FileStream(path, new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.ReadWrite,
            Options = FileOptions.Asynchronous,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        });
        File.Delete(path);
        return file;
    }
}
