namespace Connectors.Testing;

/// <summary>Waits for the thing itself, never for a time.</summary>
public static class Eventually
{
    /// <summary>The longest wait; beyond it the thing is taken not to happen.</summary>
    public static TimeSpan Patience { get; } = TimeSpan.FromMinutes(3);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(25);

    /// <summary>Waits until <paramref name="condition"/> holds; fails with <paramref name="what"/> after <see cref="Patience"/>.</summary>
    public static Task HoldsAsync(Func<bool> condition, string what, TimeSpan? patience = null) => HoldsAsync(condition, () => what, patience);

    /// <summary>Waits until <paramref name="condition"/> holds; <paramref name="what"/> is asked for only on failure.</summary>
    public static Task HoldsAsync(Func<bool> condition, Func<string> what, TimeSpan? patience = null) =>
        HoldsAsync(() => Task.FromResult(condition()), what, patience);

    /// <summary>Waits until <paramref name="condition"/> holds; exceptions count as not yet.</summary>
    public static Task HoldsAsync(Func<Task<bool>> condition, string what, TimeSpan? patience = null) => HoldsAsync(condition, () => what, patience);

    /// <summary>Waits until <paramref name="condition"/> holds; exceptions count as not yet, <paramref name="what"/> is asked for only on failure.</summary>
    public static async Task HoldsAsync(Func<Task<bool>> condition, Func<string> what, TimeSpan? patience = null)
    {
        using var deadline = new CancellationTokenSource(patience ?? Patience, TimeProvider.System);
        Exception? last = null;
        while (!deadline.IsCancellationRequested)
        {
            try
            {
                if (await condition().WaitAsync(deadline.Token))
                {
                    return;
                }

                last = null;
            }
            catch (Exception fault)
            {
                last = fault;
            }

            await Task.Delay(Pause, TimeProvider.System, CancellationToken.None);
        }

        throw new TimeoutException($"Not within {patience ?? Patience}: {what()}", last);
    }

    /// <summary>Waits until <paramref name="look"/> yields something, and returns it.</summary>
    public static async Task<T> GetAsync<T>(Func<Task<T?>> look, string what, TimeSpan? patience = null)
        where T : class
    {
        T? found = null;
        await HoldsAsync(async () => (found = await look()) is not null, what, patience);
        return found!;
    }
}
