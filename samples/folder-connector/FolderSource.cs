using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Connectors.Sdk.Events;
using Connectors.Sdk.Invocation;
using Connectors.Sdk.Topics;

namespace Connectors.Folder;

/// <summary>Each file is an event. Whoever drops one in writes it under a name that begins with a dot, then renames it.</summary>
internal sealed class FolderSource(FolderOptions options, LatestTopicMap topics, TimeProvider time, Random random) : IEventSource
{
    // What waits for its next run is in memory with its content: while so much does, no new file is read.
    private const int MaxWaiting = 1000;

    private static readonly TimeSpan MinWait = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan MaxWait = TimeSpan.FromMinutes(1);

    private readonly ConcurrentDictionary<string, bool> _held = new();
    private readonly ConcurrentDictionary<ReceivedFile, long> _waiting = new();

    public async IAsyncEnumerable<Received> ReadAsync(Slots slots, [EnumeratorCancellation] CancellationToken stoppingToken)
    {
        while (true)
        {
            // What no function wants stays in the folder for whoever comes.
            await topics.UntilAsync(options.Topic, isWanted: true, stoppingToken);
            foreach (var file in new DirectoryInfo(options.Folder).GetFiles().OrderBy(f => f.Name, StringComparer.Ordinal))
            {
                if (!file.Name.StartsWith('.') && _waiting.Count < MaxWaiting && _held.TryAdd(file.Name, true) && await TryReadAsync(file, stoppingToken) is { } content)
                {
                    yield return new ReceivedFile(content, file, PutOff, () => _held.TryRemove(file.Name, out _));
                }
            }

            foreach (var file in Due())
            {
                yield return file;
            }

            await Task.Delay(options.PollInterval, time, stoppingToken);
        }
    }

    // It runs again later, and has no slot until then: files that are refused for good must not stop the others.
    private void PutOff(ReceivedFile file, int attempt)
    {
        var wait = BackOff.Delay(BackOffKind.Equal, attempt, MinWait, MaxWait, random);
        _waiting[file] = time.GetTimestamp() + (long)(wait.TotalSeconds * time.TimestampFrequency);
    }

    // The same objects again, which know who took them already.
    private IEnumerable<ReceivedFile> Due()
    {
        foreach (var (file, _) in _waiting.ToArray().Where(waiting => waiting.Value <= time.GetTimestamp()))
        {
            _waiting.TryRemove(file, out _);
            if (file.IsThere())
            {
                yield return file;
            }
            else
            {
                file.LetGo();
            }
        }
    }

    // A file that cannot be read is held, and so left alone until the next start: it must not stop the others.
    private async Task<Event?> TryReadAsync(FileInfo file, CancellationToken ct)
    {
        try
        {
            return new Event
            {
                Id = $"file:{file.Name}:{file.LastWriteTimeUtc.Ticks}",
                Topic = options.Topic,
                Body = await File.ReadAllBytesAsync(file.FullName, ct),
                Headers = [new Header("X-File-Name", Uri.EscapeDataString(file.Name))],
                Time = file.LastWriteTimeUtc,
                Source = new Uri(file.FullName).AbsoluteUri,
                Type = "folder.file",
            };
        }
        catch (Exception gone) when (gone is FileNotFoundException or DirectoryNotFoundException)
        {
            _held.TryRemove(file.Name, out _);
            return null;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
