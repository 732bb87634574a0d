using System.Threading.Channels;
using Connectors.Sdk.Hosting;

namespace Connectors.Sqs.Settling;

/// <summary>
/// Gathers what comes one by one and sends it by tens: full batches at once, others after a short wait. Several sends run side by side; what waits to be sent
/// again is none of them.
/// </summary>
internal sealed class Batches<T> : IAsyncDisposable
{
    private const int Sends = 8;

    // What cannot be sent in that time comes back when its visibility ends.
    private static readonly TimeSpan Flushing = TimeSpan.FromSeconds(4);

    private readonly Channel<T> _items = Channel.CreateUnbounded<T>(new() { SingleReader = true });
    private readonly Signal _sent = new();
    private readonly SemaphoreSlim _free = new(Sends, Sends);
    private readonly CancellationTokenSource _giveUp = new();
    private readonly TimeSpan _linger;
    private readonly int _max;
    private readonly TimeProvider _time;
    private readonly Func<IReadOnlyList<T>, int, CancellationToken, Task<(IReadOnlyList<T> Again, TimeSpan After)>> _send;
    private readonly Task _loop;
    private int _unsent;

    /// <param name="max">How many make a batch.</param>
    /// <param name="linger">How long the first of a batch waits for company.</param>
    /// <param name="time">The clock.</param>
    /// <param name="send">
    /// Sends a batch for the so-manieth time, and says what of it is to be sent again and after how long. Its token is cancelled when the process can wait no
    /// longer; what it throws must be nothing else.
    /// </param>
    public Batches(int max, TimeSpan linger, TimeProvider time, Func<IReadOnlyList<T>, int, CancellationToken, Task<(IReadOnlyList<T> Again, TimeSpan After)>> send)
    {
        (_max, _linger, _time, _send) = (max, linger, time, send);
        _loop = RunAsync();
    }

    /// <summary>False once disposal has begun.</summary>
    public bool Add(T item)
    {
        Interlocked.Increment(ref _unsent);
        if (_items.Writer.TryWrite(item))
        {
            return true;
        }

        Sent(1);
        return false;
    }

    /// <summary>Waits until fewer than so many are held: those whose batch waits or is being sent, for the first time or again.</summary>
    public Task UntilFewerAsync(int count, CancellationToken ct) => _sent.UntilAsync(() => Volatile.Read(ref _unsent) < count, ct);

    /// <summary>Sends the rest, as far as that goes in a few seconds.</summary>
    public async ValueTask DisposeAsync()
    {
        _items.Writer.TryComplete();
        _giveUp.CancelAfter(Flushing);
        await _loop;
        await UntilFewerAsync(1, CancellationToken.None);
        for (var i = 0; i < Sends; i++)
        {
            await _free.WaitAsync();
        }

        _giveUp.Dispose();
        _free.Dispose();
    }

    private async Task RunAsync()
    {
        while (await _items.Reader.WaitToReadAsync())
        {
            var batch = await GatherAsync();
            await _free.WaitAsync();
            _ = SendAsync(batch);
        }
    }

    private async Task<List<T>> GatherAsync()
    {
        var batch = new List<T>(_max);
        using var late = new CancellationTokenSource(_linger, _time);
        try
        {
            while (batch.Count < _max && await _items.Reader.WaitToReadAsync(late.Token))
            {
                while (batch.Count < _max && _items.Reader.TryRead(out var item))
                {
                    batch.Add(item);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Long enough: it goes as it is.
        }

        return batch;
    }

    private async Task SendAsync(List<T> gathered)
    {
        IReadOnlyList<T> batch = gathered;
        var isSending = true;
        try
        {
            for (var attempt = 1; ; attempt++)
            {
                var (again, after) = await _send(batch, attempt, _giveUp.Token);
                Sent(batch.Count - again.Count);
                batch = again;
                if (batch.Count == 0)
                {
                    return;
                }

                isSending = false;
                _free.Release();
                await Task.Delay(after, _time, _giveUp.Token);
                await _free.WaitAsync(_giveUp.Token);
                isSending = true;
            }
        }
        catch (OperationCanceledException) when (_giveUp.IsCancellationRequested)
        {
            // Said at Flushing.
        }
        finally
        {
            if (isSending)
            {
                _free.Release();
            }

            Sent(batch.Count);
        }
    }

    private void Sent(int count)
    {
        Interlocked.Add(ref _unsent, -count);
        _sent.Set();
    }
}
