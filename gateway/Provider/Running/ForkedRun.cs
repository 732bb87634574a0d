using Connectors.Provider.Logs;
using Connectors.Provider.Processes;

namespace Connectors.Provider.Running;

/// <summary>One call's process from its start to its end: fed, listened to, waited for, all at once.</summary>
internal static class ForkedRun
{
    /// <summary>False if the process wrote more than it may, and is still running. Ends with <paramref name="ct"/> by throwing.</summary>
    public static async Task<bool> ToEndAsync(ProcessGroup process, HttpRequest request, CallOutput output, FunctionLog log, CancellationToken ct)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var feeding = FeedAsync(process, request, ended.Token);
        var reading = output.ReadAsync(process.Output, ct);
        var logging = LineReader.CopyAsync(process.Errors, log, $"{process.Id}", ct);
        var exiting = process.ExitedAsync(ct);
        if (await Task.WhenAny(reading, exiting) == reading && !await reading)
        {
            await ended.CancelAsync();
            await feeding;
            return false;
        }

        // Whoever still holds the output open would hold the caller too.
        await exiting;
        process.EndLeftovers();
        await ended.CancelAsync();
        await feeding;
        await logging;
        return await reading;
    }

    // A function need not read its input, nor all of it.
    private static async Task FeedAsync(ProcessGroup process, HttpRequest request, CancellationToken ct)
    {
        try
        {
            await using var input = process.Input;
            await request.Body.CopyToAsync(input, ct);
        }
        catch (Exception fault) when (fault is IOException or OperationCanceledException)
        {
            // The process left, or its call ended.
        }
    }
}
