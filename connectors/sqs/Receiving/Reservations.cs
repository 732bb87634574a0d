using Connectors.Sdk.Events;
using Connectors.Sdk.Hosting;

namespace Connectors.Sqs.Receiving;

/// <summary>Reserves free slots for the receives of busy queues, so that all of them together never ask for more than could run.</summary>
internal sealed class Reservations(Slots slots, TimeProvider time)
{
    // A slot that came free waits so long for others, up to what one receive may ask for: requests are paid for one by one.
    private static readonly TimeSpan Gathering = TimeSpan.FromMilliseconds(20);

    private readonly Signal _released = new();

    // Guards the reckoning with what is free.
    private readonly Lock _gate = new();
    private int _reserved;

    /// <summary>Waits until slots are free, and reserves from 1 to <paramref name="max"/> of them. They are to be released.</summary>
    public async Task<Reservation> ReserveAsync(int max, CancellationToken ct)
    {
        for (var hadToWait = false; ; hadToWait = true)
        {
            if (TryReserve(max) is > 0 and var count)
            {
                return new Reservation(count, hadToWait);
            }

            await RoomAsync(1, ct);
            using var over = new CancellationTokenSource(Gathering, time);
            using var gathering = CancellationTokenSource.CreateLinkedTokenSource(ct, over.Token);
            await RoomAsync(Math.Min(max, slots.Total), gathering.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            ct.ThrowIfCancellationRequested();
        }
    }

    /// <summary>Reserves a slot for each message that came without: it counts beside the slots until it has taken one.</summary>
    public void Came(int count) => Interlocked.Add(ref _reserved, count);

    /// <summary>Releases what was reserved and did not come, or came and has taken its slot by now.</summary>
    public void Release(int count)
    {
        Interlocked.Add(ref _reserved, -count);
        _released.Set();
    }

    // Waits until so many slots are neither taken nor reserved, and reserves none.
    private async Task RoomAsync(int count, CancellationToken ct)
    {
        while (true)
        {
            var released = _released.Next;
            var reserved = Volatile.Read(ref _reserved);
            if (slots.Free - reserved >= count)
            {
                return;
            }

            using var either = CancellationTokenSource.CreateLinkedTokenSource(ct);
            await Task.WhenAny(released.WaitAsync(either.Token), slots.WhenFreeAsync(reserved + count, either.Token));
            await either.CancelAsync();
            ct.ThrowIfCancellationRequested();
        }
    }

    private int TryReserve(int max)
    {
        lock (_gate)
        {
            var count = Math.Clamp(slots.Free - Volatile.Read(ref _reserved), 0, max);
            Interlocked.Add(ref _reserved, count);
            return count;
        }
    }
}

/// <summary>How much a receive may ask for.</summary>
/// <param name="Count">So many messages.</param>
/// <param name="HadToWait">Whether slots are what there is too little of.</param>
internal readonly record struct Reservation(int Count, bool HadToWait)
{
    /// <summary>For a receive that no slot is kept for.</summary>
    public static Reservation None => default;
}
