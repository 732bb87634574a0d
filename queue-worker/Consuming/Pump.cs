namespace Connectors.QueueWorker.Consuming;

/// <summary>
/// Runs a step for whoever asks, on their own thread and never twice at once: who asks while it runs has it run once more, by whom it runs for now. So no
/// thread is woken for what the present one can do, and many that ask together cost one step.
/// </summary>
internal sealed class Pump(Action step, ILogger log)
{
    private int _asked;

    public void Run()
    {
        if (Interlocked.Increment(ref _asked) != 1)
        {
            return;
        }

        int seen;
        do
        {
            seen = Volatile.Read(ref _asked);
            try
            {
                step();
            }
            catch (Exception fault)
            {
                // Nobody who asks could do anything about it; whoever asks next tries again.
                Log.TakingFailed(log, "", fault.ToString());
            }
        }
        while (Interlocked.Add(ref _asked, -seen) != 0);
    }
}
