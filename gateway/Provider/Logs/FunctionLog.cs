using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Threading.Channels;
using Connectors.Provider.Contracts;
using Connectors.Sdk.Invocation;

namespace Connectors.Provider.Logs;

/// <summary>One function's log: a file of JSON lines, and the one before it once it is full. Followers that do not keep up lose the oldest lines.</summary>
internal sealed class FunctionLog(FunctionName function, string path, TimeProvider time) : IDisposable
{
    private const long FileBytes = 1024 * 1024;
    private const int FollowedLines = 10_000;

    // Guards the file, its rotation, and that a follower misses nothing between what is written and what comes.
    private readonly Lock _writing = new();
    private ImmutableList<Channel<LogMessage>> _followers = [];
    private FileStream? _file;
    private bool _isDeleted;

    public void Write(string instance, params IEnumerable<string> lines)
    {
        lock (_writing)
        {
            if (_isDeleted)
            {
                // What outlives its function has nowhere to write: its file would be there again.
                return;
            }

            try
            {
                Append(instance, lines);
            }
            catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
            {
                // A full disk costs lines, never the call or the process that wrote them.
            }
        }
    }

    /// <summary>What was kept, oldest first, and then, if asked for, what comes until <paramref name="ct"/>.</summary>
    public async IAsyncEnumerable<LogMessage> ReadAsync(LogQuery query, [EnumeratorCancellation] CancellationToken ct)
    {
        var follower = Channel.CreateBounded<LogMessage>(new BoundedChannelOptions(FollowedLines) { FullMode = BoundedChannelFullMode.DropOldest });
        var (former, latest) = Begin(query, follower);
        try
        {
            await foreach (var message in query.Select(former.ReadAsync(ct).Concat(latest.ReadAsync(ct))).WithCancellation(ct))
            {
                yield return message;
            }

            while (query.Follow && await follower.Reader.WaitToReadAsync(ct))
            {
                while (follower.Reader.TryRead(out var message))
                {
                    if (query.Wants(message))
                    {
                        yield return message;
                    }
                }
            }
        }
        finally
        {
            former.Dispose();
            latest.Dispose();
            lock (_writing)
            {
                _followers = _followers.Remove(follower);
            }
        }
    }

    /// <summary>Deletes its files; it takes no more lines.</summary>
    public void Delete()
    {
        lock (_writing)
        {
            _isDeleted = true;
            Dispose();
            try
            {
                File.Delete(path);
                File.Delete(path + ".1");
            }
            catch (DirectoryNotFoundException)
            {
                // No function of the namespace ever wrote a line.
            }

            _followers.ForEach(follower => follower.Writer.TryComplete());
        }
    }

    public void Dispose()
    {
        lock (_writing)
        {
            var file = _file;
            _file = null;
            try
            {
                file?.Dispose();
            }
            catch (IOException)
            {
                // What a full disk did not take is tried once more, and is lost.
            }
        }
    }

    // Nothing is read under the lock: whoever writes a line waits for it, and so do all others who read.
    private (LogFile Former, LogFile Latest) Begin(LogQuery query, Channel<LogMessage> follower)
    {
        lock (_writing)
        {
            var (former, latest) = (LogFile.Open(path + ".1"), LogFile.Open(path));
            if (_isDeleted)
            {
                follower.Writer.TryComplete();
            }
            else if (query.Follow)
            {
                _followers = _followers.Add(follower);
            }

            return (former, latest);
        }
    }

    private void Append(string instance, IEnumerable<string> lines)
    {
        var file = Open();
        foreach (var line in lines)
        {
            var message = new LogMessage(function.Name, function.Namespace, instance, time.GetUtcNow(), line);
            _followers.ForEach(follower => follower.Writer.TryWrite(message));
            file.Write(JsonSerializer.SerializeToUtf8Bytes(message, ProviderJson.Default.LogMessage));
            file.WriteByte((byte)'\n');
        }

        file.Flush();
    }

    private FileStream Open()
    {
        if (_file is { Length: > FileBytes })
        {
            Dispose();
            File.Move(path, path + ".1", overwrite: true);
        }

        if (_file is null)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            _file = new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);
        }

        return _file;
    }
}
