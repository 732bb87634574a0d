using Connectors.Sdk.Events;
using Connectors.Sdk.Invocation;

namespace Connectors.Folder;

/// <summary>A file and how it ends: deleted once every function took it, run again with a growing delay until then.</summary>
internal sealed class ReceivedFile(Event content, FileInfo file, Random random, Action letGo) : Received(content)
{
    private static readonly TimeSpan MinWait = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan MaxWait = TimeSpan.FromMinutes(1);

    public override ValueTask CompleteAsync(CancellationToken ct)
    {
        // What was renamed over it while it ran is another event: it stays, and is read.
        var now = new FileInfo(file.FullName);
        if (now.Exists && (now.LastWriteTimeUtc, now.Length) == (file.LastWriteTimeUtc, file.Length))
        {
            now.Delete();
        }

        letGo();
        return ValueTask.CompletedTask;
    }

    public override ValueTask<TimeSpan?> FailAsync(Outcome outcome, int attempt, CancellationToken ct) =>
        ValueTask.FromResult<TimeSpan?>(BackOff.Delay(BackOffKind.Equal, attempt, MinWait, MaxWait, random));

    public override ValueTask AbandonAsync(CancellationToken ct)
    {
        letGo();
        return ValueTask.CompletedTask;
    }
}
