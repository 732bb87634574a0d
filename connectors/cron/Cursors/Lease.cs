namespace Connectors.Cron.Cursors;

/// <summary>A claim of ours from its winning to its end, renewed in between. A renewal that fails is made up for by the next one.</summary>
internal sealed class Lease
{
    private static readonly TimeSpan RepeatWait = TimeSpan.FromMilliseconds(200);

    private readonly Claims _claims;
    private readonly string _key;
    private readonly DateTimeOffset _due;
    private readonly TimeProvider _time;
    private readonly TaskCompletionSource _end = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task _renewing;

    public Lease(Claims claims, string key, DateTimeOffset due, TimeProvider time)
    {
        (_claims, _key, _due, _time) = (claims, key, due, time);
        _renewing = RenewAsync();
    }

    /// <summary>Takes the claim back: its call has come to its end.</summary>
    public Task EndAsync(CancellationToken ct) => FinishAsync(_claims.EndAsync, ct);

    /// <summary>Lets any replica take the claim over at once.</summary>
    public Task HandBackAsync(CancellationToken ct) => FinishAsync(_claims.HandBackAsync, ct);

    // The last renewal comes before the last write, so that nothing is written after it. That one is repeated without end: as long as it cannot be
    // written nothing can be claimed either, so nobody waits for its slot; and given up, the call would be repeated by whoever takes the claim over.
    private async Task FinishAsync(Func<string, DateTimeOffset, CancellationToken, Task> write, CancellationToken ct)
    {
        _end.TrySetResult();
        await _renewing;
        while (true)
        {
            try
            {
                await write(_key, _due, ct);
                return;
            }
            catch (Exception) when (!ct.IsCancellationRequested)
            {
                Metrics.CursorFailed();
                await Task.Delay(RepeatWait, _time, ct);
            }
        }
    }

    private async Task RenewAsync()
    {
        while (await IsStillOnAsync())
        {
            try
            {
                await _claims.RenewAsync(_key, _due, CancellationToken.None);
            }
            catch (Exception)
            {
                Metrics.CursorFailed();
            }
        }
    }

    private async Task<bool> IsStillOnAsync()
    {
        using var pause = new CancellationTokenSource();
        var isOn = await Task.WhenAny(_end.Task, Task.Delay(Claims.RenewalInterval, _time, pause.Token)) != _end.Task;
        await pause.CancelAsync();
        return isOn;
    }
}
