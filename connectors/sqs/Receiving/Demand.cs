using Connectors.Sdk.Events;

namespace Connectors.Sqs.Receiving;

/// <summary>Divides the free slots among receives, so that all of them together never ask for more than could run.</summary>
internal sealed class Demand(Slots slots, TimeProvider time)
{
    // A slot that came free waits so long for others: requests are paid for one by one.
    private static readonly TimeSpan Gathering = TimeSpan.FromMilliseconds(20);

    // Guards the two below.
    private readonly Lock _gate = new();
    private int _asked;
    private TaskCompletionSource _returned = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Waits until something may be asked for, and says how much, from 1 to <paramref name="most"/>. It is to be returned.</summary>
    public async Task<Grant> TakeAsync(int most, CancellationToken ct)
    {
        for (var hadToWait = false; ; hadToWait = true)
        {
            if (TryTake(most, out var asked, out var returned) is > 0 and var count)
            {
                return new Grant(count, hadToWait);
            }

            using var either = CancellationTokenSource.CreateLinkedTokenSource(ct);
            await Task.WhenAny(returned.WaitAsync(either.Token), slots.WhenFreeAsync(asked + 1, either.Token));
            await either.CancelAsync();
            ct.ThrowIfCancellationRequested();
            await Task.Delay(Gathering, time, ct);
        }
    }

    /// <summary>Returns what was asked for and did not come, or came and has taken its slot by now.</summary>
    public void Return(int count)
    {
        TaskCompletionSource returned;
        lock (_gate)
        {
            _asked -= count;
            returned = _returned;
            _returned = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        returned.SetResult();
    }

    private int TryTake(int most, out int asked, out Task returned)
    {
        lock (_gate)
        {
            var count = Math.Clamp(slots.Free - _asked, 0, most);
            _asked += count;
            asked = _asked;
            returned = _returned.Task;
            return count;
        }
    }
}

/// <summary>How much a receive may ask for.</summary>
/// <param name="Count">So many messages.</param>
/// <param name="HadToWait">Whether slots are what there is too little of.</param>
internal readonly record struct Grant(int Count, bool HadToWait);
