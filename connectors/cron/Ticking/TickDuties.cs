using Connectors.Cron.Cursors;
using Microsoft.Extensions.Logging;

namespace Connectors.Cron.Ticking;

/// <summary>What all ticks share.</summary>
internal sealed class TickDuties(Claims claims, TimeProvider time, ILogger<TickDuties> log)
{
    private static readonly TimeSpan InsistingPause = TimeSpan.FromMilliseconds(200);

    public Claims Claims => claims;

    public TimeProvider Time => time;

    public ILogger Log => log;

    // Its delays are exponential without jitter, so nothing is drawn from it.
    public Random Random { get; } = new(0);

    /// <summary>Writes until it is written, or there is no time left.</summary>
    public async Task InsistAsync(Func<CancellationToken, Task> write, CancellationToken ct)
    {
        while (true)
        {
            try
            {
                await write(ct);
                return;
            }
            catch (Exception) when (!ct.IsCancellationRequested)
            {
                Metrics.CursorFailed();
                await Task.Delay(InsistingPause, time, ct);
            }
        }
    }
}
