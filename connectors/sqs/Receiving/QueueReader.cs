using System.Threading.Channels;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Sqs.Queues;
using Connectors.Sqs.Settling;

namespace Connectors.Sqs.Receiving;

/// <summary>
/// Polls one queue: with one long poll while it is quiet, with up to ten side by side while receives come back full. The long poll of a quiet queue asks for
/// one message and takes no slot: all queues' long polls share the slots, and what one brings while all are busy waits for the next, hidden from others.
/// The polls of a busy queue ask for no more than could start now.
/// </summary>
internal sealed class QueueReader(Settler settler, QueueWatch watch, SqsOptions options, TimeProvider time, Random random)
{
    private const int MaxPolls = 10;
    private static readonly TimeSpan MinDelay = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan MaxDelay = TimeSpan.FromSeconds(30);

    // Without a wait of SQS's own (wait_time 0), an empty queue is asked this often.
    private static readonly TimeSpan ShortPollPause = TimeSpan.FromSeconds(1);

    // A busy queue's polls wait no longer, lest they keep slots from other queues once it is empty. Any wait at all makes SQS ask all its servers.
    private static readonly TimeSpan BusyWait = TimeSpan.FromSeconds(1);

    // A wait for deletions that is longer than that is no matter of load, and is told.
    private static readonly TimeSpan HeldPatience = TimeSpan.FromSeconds(5);

    private bool _isKnown;
    private bool _isQuiet = true;

    // Back-offs that are over.
    private int _backOffs;

    /// <summary>What settles the queue's messages.</summary>
    public Settler Settler => settler;

    private Queue Queue => settler.Queue;

    // Asked for one message at a time, SQS has one of a FIFO group out at a time. Had we several and the first failed, the others would have to go back
    // unrun, use up their receives and reach the dead-letter queue with it.
    private int Max => Queue.Address.IsFifo ? 1 : options.MaxMessages;

    /// <summary>Reads until it is to stop, which does not throw. What it writes stays reserved.</summary>
    /// <param name="reservations">The slots, shared with the other queues.</param>
    /// <param name="arrivals">Where to.</param>
    /// <param name="ct">Begin no further poll; those under way end by themselves.</param>
    /// <param name="cut">Cut those, too.</param>
    public async Task RunAsync(Reservations reservations, ChannelWriter<Arrival> arrivals, CancellationToken ct, CancellationToken cut)
    {
        var polls = new List<Task<Poll>>();
        var wanted = 1;
        for (var failures = 0; !ct.IsCancellationRequested;)
        {
            while (polls.Count < wanted)
            {
                polls.Add(PollAsync(isOnly: polls.Count == 0, reservations, arrivals, ct, cut));
            }

            var ended = await Task.WhenAny(polls);
            polls.Remove(ended);
            var poll = await ended;
            wanted = poll.Kind == PollKind.Full ? Math.Min(wanted + 1, MaxPolls) : poll.Kind == PollKind.Some ? Math.Max(wanted - 1, 1) : 1;
            if (poll.Fault is not { } fault)
            {
                failures = 0;
            }
            else if (poll.Begun == _backOffs)
            {
                await BackOffAsync(fault, ++failures, ct);
            }

            // Else it began before the last back-off was over, beside the one that failed first: what failed them all is told, and was waited for once.
        }

        await Task.WhenAll(polls);
        watch.Stopped();
    }

    // Does not throw: a fault is the poll's result, and cancellation an empty one.
    private async Task<Poll> PollAsync(bool isOnly, Reservations reservations, ChannelWriter<Arrival> arrivals, CancellationToken ct, CancellationToken cut)
    {
        var begun = Volatile.Read(ref _backOffs);
        try
        {
            await watch.WantedAsync(ct);
            await RoomAsync(ct);
            var isQuiet = _isQuiet && isOnly;
            var wait = isQuiet || options.WaitTime < BusyWait ? options.WaitTime : BusyWait;
            var asked = isQuiet ? Reservation.None : await reservations.ReserveAsync(Max, ct);
            var came = 0;
            try
            {
                // Slots may have been long in coming.
                if (!watch.IsWanted)
                {
                    return new Poll(PollKind.Empty);
                }

                begun = Volatile.Read(ref _backOffs);
                came = await ReceiveAsync(asked, wait, reservations, arrivals, ct, cut);
            }
            finally
            {
                reservations.Release(Math.Max(0, asked.Count - came));
            }

            await KnowAsync(came, wait, ct);

            // While slots are what is scarce, more polls would only take them from other queues.
            return new Poll(came >= Math.Max(1, asked.Count) && !asked.HadToWait ? PollKind.Full : came > 0 ? PollKind.Some : PollKind.Empty);
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            return new Poll(PollKind.Empty);
        }
        catch (Exception fault)
        {
            return new Poll(PollKind.Failed, fault, begun);
        }
    }

    // What is done and cannot be deleted is held and kept hidden for hours: nothing is to be added to it.
    private async Task RoomAsync(CancellationToken ct)
    {
        var room = settler.RoomAsync(ct);
        if (!await Signal.CameAsync(room, HeldPatience, time, ct))
        {
            watch.Held();
            await room;
            watch.Released();
        }
    }

    private async Task<int> ReceiveAsync(Reservation asked, TimeSpan wait, Reservations reservations, ChannelWriter<Arrival> arrivals, CancellationToken ct, CancellationToken cut)
    {
        // The first receive does not wait, so that it is soon known whether the queue can be read.
        var messages = await Queue.ReceiveAsync(Math.Max(1, asked.Count), _isKnown ? wait : TimeSpan.Zero, ct, cut);
        var received = time.GetTimestamp();
        reservations.Came(Math.Max(0, messages.Count - asked.Count));
        foreach (var message in messages)
        {
            arrivals.TryWrite(new Arrival(settler, settler.Hold(message, received)));
        }

        Metrics.Received(Queue.Address.Name, messages.Count);
        return messages.Count;
    }

    private async Task KnowAsync(int count, TimeSpan wait, CancellationToken ct)
    {
        _isQuiet = count == 0;
        watch.Read();
        if (!_isKnown)
        {
            _isKnown = true;
            watch.Redrive(options.Failure.OnFailure == OnFailure.Delete ? null : await Queue.HasRedrivePolicyAsync(ct));
        }
        else if (count == 0 && wait == TimeSpan.Zero)
        {
            await Task.Delay(ShortPollPause, time, ct);
        }
    }

    private async Task BackOffAsync(Exception fault, int failures, CancellationToken ct)
    {
        var delay = BackOff.Delay(BackOffKind.Equal, failures, MinDelay, MaxDelay, random);
        _isKnown = false;
        watch.Failed(fault, delay);
        await Task.Delay(delay, time, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Interlocked.Increment(ref _backOffs);
    }

    // Fault: null but for one that failed. Begun: the back-offs that were over when its request was sent.
    private readonly record struct Poll(PollKind Kind, Exception? Fault = null, int Begun = 0);

    private enum PollKind
    {
        Full,
        Some,
        Empty,
        Failed,
    }
}

/// <summary>A message that came in, held from now on.</summary>
/// <param name="Settler">What settles it.</param>
/// <param name="Lease">Our right to it.</param>
internal sealed record Arrival(Settler Settler, Lease Lease);
