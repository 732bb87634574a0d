using Connectors.Cron.Cursors;

namespace Connectors.Cron.Ticking;

/// <summary>Keeps a claim alive while its call runs. A beat that fails is made up for by the next one.</summary>
internal sealed class Beating
{
    private readonly TaskCompletionSource _end = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task _loop;

    public Beating(Claims claims, string key, DateTimeOffset due, TimeProvider time) => _loop = BeatAsync(claims, key, due, time);

    /// <summary>Returns once the last beat is written, so that nothing is written after what comes next.</summary>
    public Task StopAsync()
    {
        _end.TrySetResult();
        return _loop;
    }

    private async Task BeatAsync(Claims claims, string key, DateTimeOffset due, TimeProvider time)
    {
        while (await IsStillOnAsync(time))
        {
            try
            {
                await claims.BeatAsync(key, due, CancellationToken.None);
            }
            catch (Exception)
            {
                Metrics.CursorFailed();
            }
        }
    }

    private async Task<bool> IsStillOnAsync(TimeProvider time)
    {
        using var pause = new CancellationTokenSource();
        var isOn = await Task.WhenAny(_end.Task, Task.Delay(Claims.BeatInterval, time, pause.Token)) != _end.Task;
        await pause.CancelAsync();
        return isOn;
    }
}
