using System.Buffers;

namespace Connectors.Provider.Running;

/// <summary>What a call's process writes, kept until its exit code is known: in memory at first, then in a file that has no name.</summary>
internal sealed class CallOutput(string folder, long limit) : IAsyncDisposable
{
    private const int InMemory = 1024 * 1024;

    private readonly ArrayBufferWriter<byte> _start = new(4096);
    private FileStream? _rest;

    public long Length { get; private set; }

    /// <summary>Reads a stream to its end. False if there was more than the limit.</summary>
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

                Length += read;
                await AppendAsync(chunk.AsMemory(0, read), ct);
            }

            return true;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(chunk);
        }
    }

    public async Task CopyToAsync(Stream to, CancellationToken ct)
    {
        await to.WriteAsync(_start.WrittenMemory, ct);
        if (_rest is not null)
        {
            _rest.Position = 0;
            await _rest.CopyToAsync(to, ct);
        }
    }

    public ValueTask DisposeAsync() => _rest?.DisposeAsync() ?? default;

    private async Task AppendAsync(ReadOnlyMemory<byte> bytes, CancellationToken ct)
    {
        if (_rest is null && _start.WrittenCount + bytes.Length <= InMemory)
        {
            _start.Write(bytes.Span);
            return;
        }

        await (_rest ??= Nameless()).WriteAsync(bytes, ct);
    }

    private FileStream Nameless()
    {
        var path = Path.Combine(folder, Path.GetRandomFileName());
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
