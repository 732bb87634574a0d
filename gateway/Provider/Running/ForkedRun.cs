using System.Buffers;
using Connectors.Provider.Logs;
using Connectors.Provider.Processes;

namespace Connectors.Provider.Running;

/// <summary>One call's process from its start to its end: fed, listened to, waited for, all at once.</summary>
internal static class ForkedRun
{
    // For what an ended process said last. Somebody who left its group may hold its output open for good.
    private static readonly TimeSpan LastWords = TimeSpan.FromSeconds(1);

    /// <summary>False if the process wrote more than it may, and is still running. Ends with <paramref name="ct"/>, or where the request breaks off, by throwing.</summary>
    public static async Task<bool> ToEndAsync(ProcessGroup process, HttpRequest request, CallBytes output, FunctionLog log, TimeProvider time, CancellationToken ct)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(ct);
        using var hearing = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var feeding = FeedAsync(process, request, ended.Token);
        var reading = output.ReadAsync(process.Output, hearing.Token);
        var logging = LineReader.CopyAsync(process.Errors, log, $"{process.Id}", hearing.Token);
        var exiting = process.ExitedAsync(ct);
        try
        {
            if (await Task.WhenAny(reading, exiting) == reading && !await reading)
            {
                return false;
            }

            // Whoever still holds the output open would hold the caller too: it is ended if it carries the call's mark, and not waited for if nobody can tell who it is.
            await exiting;
            process.EndLeftovers();
            await ended.CancelAsync();
            await feeding;
            do
            {
                await Task.WhenAll(reading, logging).WaitAsync(LastWords, time, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            while (!reading.IsCompleted && !ct.IsCancellationRequested && process.HasUnreadOutput);
        }
        finally
        {
            // None of them may be at work when the process is disposed of.
            await ended.CancelAsync();
            await hearing.CancelAsync();
            await Task.WhenAll(feeding, reading, logging).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        // Cut short, it is what came by then: at least all that the process itself wrote.
        return (reading.IsCanceled && !ct.IsCancellationRequested) || await reading;
    }

    // A function need not read its input, nor all of it. What it takes for the end of its input is the end of a whole body: where a body breaks off the process
    // ends first, and where its call ends the input stays open until then.
    private static async Task FeedAsync(ProcessGroup process, HttpRequest request, CancellationToken ct)
    {
        var chunk = ArrayPool<byte>.Shared.Rent(64 * 1024);
        try
        {
            for (int read; (read = await ReadAsync(process, request, chunk, ct)) > 0 && await TryWriteAsync(process, chunk.AsMemory(0, read), ct);)
            {
            }

            await process.Input.DisposeAsync();
        }
        catch (OperationCanceledException)
        {
            // The call ended.
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(chunk);
        }
    }

    private static async Task<int> ReadAsync(ProcessGroup process, HttpRequest request, Memory<byte> chunk, CancellationToken ct)
    {
        try
        {
            return await request.Body.ReadAsync(chunk, ct);
        }
        catch (IOException)
        {
            await process.EndAsync();
            throw;
        }
    }

    private static async Task<bool> TryWriteAsync(ProcessGroup process, ReadOnlyMemory<byte> chunk, CancellationToken ct)
    {
        try
        {
            await process.Input.WriteAsync(chunk, ct);
            return true;
        }
        catch (IOException)
        {
            // It does not read on.
            return false;
        }
    }
}
