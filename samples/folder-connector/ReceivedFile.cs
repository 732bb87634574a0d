using Connectors.Sdk.Events;
using Connectors.Sdk.Invocation;

namespace Connectors.Folder;

/// <summary>A file and how it ends: deleted once every function took it, put off as long as one does not.</summary>
internal sealed class ReceivedFile(Event content, FileInfo file, Action<ReceivedFile, int> putOff, Action letGo) : Received(content)
{
    /// <summary>Whether it is still what was read. What was renamed over it is another event.</summary>
    public bool IsThere()
    {
        var now = new FileInfo(file.FullName);
        return now.Exists && (now.LastWriteTimeUtc, now.Length) == (file.LastWriteTimeUtc, file.Length);
    }

    /// <summary>Its name may be read again.</summary>
    public void LetGo() => letGo();

    public override ValueTask CompleteAsync(CancellationToken ct)
    {
        // What was renamed over it while it ran stays, and is read.
        if (IsThere())
        {
            file.Delete();
        }

        LetGo();
        return ValueTask.CompletedTask;
    }

    public override ValueTask<TimeSpan?> FailAsync(Outcome outcome, int attempt, CancellationToken ct)
    {
        // Not by the delay that could be returned: with that it would keep its slot.
        putOff(this, attempt);
        return ValueTask.FromResult<TimeSpan?>(null);
    }

    public override ValueTask AbandonAsync(CancellationToken ct)
    {
        LetGo();
        return ValueTask.CompletedTask;
    }
}
