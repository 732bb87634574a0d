using Connectors.Streams.Nats;
using NATS.Client.JetStream;

namespace Connectors.QueueWorker.Consuming;

/// <summary>Function mode: makes functions' consumers, as far as the queue's mode and the stream's limit of consumers allow.</summary>
/// <remarks>
/// A stream that may have fewer consumers than functions have work lets them take turns: one that has none gives its consumer up for one that has, and gets it
/// back for its next call. What is at work keeps its own for as long as it is, here and at other workers.
/// </remarks>
internal sealed class FunctionConsumers(string stream, ModeClaim mode, FairScheduler scheduler, ILogger log)
{
    // Of those that look idle here, another worker may use some.
    private const int MaxLooks = 8;

    private int _hasToldLimit;

    /// <summary>Makes sure that a side's consumer exists. False if it may not be made now.</summary>
    public async Task<bool> BindAsync(LaneSide side, CancellationToken ct)
    {
        if (!await mode.ConfirmAsync(ct))
        {
            return false;
        }

        try
        {
            return await TryBindAsync(side, ct) || (await MakeRoomAsync(ct) && await TryBindAsync(side, ct));
        }
        catch (NatsJSApiException fault) when (fault.Error.ErrCode == ConsumerSetup.NotUnique)
        {
            await mode.ClearAsync(ct);
            throw;
        }
    }

    private async Task<bool> TryBindAsync(LaneSide side, CancellationToken ct)
    {
        try
        {
            await side.Consumer.BindAsync(ct);
            return true;
        }
        catch (NatsJSApiException fault) when (fault.Error.ErrCode == ConsumerSetup.TooManyConsumers)
        {
            if (Interlocked.Exchange(ref _hasToldLimit, 1) == 0)
            {
                Log.ConsumersFull(log, stream, side.Consumer.Name, fault.Message);
            }

            return false;
        }
    }

    private async Task<bool> MakeRoomAsync(CancellationToken ct)
    {
        foreach (var idle in scheduler.Idle(MaxLooks))
        {
            if (await idle.Consumer.TryGiveUpAsync(ct))
            {
                return true;
            }
        }

        return false;
    }
}
