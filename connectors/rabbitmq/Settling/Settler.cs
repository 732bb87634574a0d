using System.Collections.Concurrent;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Microsoft.Extensions.Logging;

namespace Connectors.RabbitMq.Settling;

/// <summary>Settles messages: every way in which one leaves our hands is here.</summary>
internal sealed class Settler(RabbitMqOptions options, DeadLetters deadLetters, TimeProvider time, Random random, ILogger<Settler> log)
{
    // A little more than a queue's consumer waits to hear that it has ended.
    private static readonly TimeSpan StoppingTime = TimeSpan.FromSeconds(5);

    private readonly ConcurrentDictionary<RabbitMqMessage, bool> _held = new();

    private RetryPolicy Retry => options.Failure.Retry;

    /// <summary>A message came: it is held until one of the other methods ends that, or its channel does.</summary>
    public void Hold(RabbitMqMessage message)
    {
        _held[message] = true;
        Metrics.Received(message.Queue, message.Message.IsRedelivered);
    }

    /// <summary>Tells how many messages of each queue are held, and for how long; forgets those whose channel has ended, which the broker has again.</summary>
    public void Report()
    {
        foreach (var lost in _held.Keys.Where(m => !m.Channel.IsOpen))
        {
            _held.TryRemove(lost, out _);
        }

        var held = _held.Keys.ToLookup(m => m.Queue, m => time.GetElapsedTime(m.ReceivedAt));
        foreach (var queue in options.Queues)
        {
            Metrics.Holds(queue.Name, held[queue.Name].Count(), held[queue.Name].DefaultIfEmpty().Max());
        }
    }

    /// <summary>Every function took it.</summary>
    public async Task CompleteAsync(RabbitMqMessage message, CancellationToken ct)
    {
        message.Outage.End();
        End(message, "completed", await message.Channel.AckAsync(message.Message, ct));
    }

    /// <summary>
    /// Nobody wants it. While its queue is consumed it would come at once again; that is over before long, unless somebody wants it again by then, who may have it.
    /// </summary>
    public async Task LeaveAsync(RabbitMqMessage message, CancellationToken ct)
    {
        await Signal.CameAsync(message.Channel.Stopped, StoppingTime, time, ct);
        await GiveBackAsync(message, ct);
    }

    /// <summary>It was given up without a verdict.</summary>
    public async Task GiveBackAsync(RabbitMqMessage message, CancellationToken ct) =>
        End(message, "given_back", await message.Channel.NakAsync(message.Message, ct));

    /// <summary>Lets it back off, or <c>on_failure</c> decide.</summary>
    public async Task FailAsync(RabbitMqMessage message, Outcome outcome, int attempt, CancellationToken ct)
    {
        if (outcome.IsOutOfReach)
        {
            message.Refusal = null;
            message.Outage.Meet();
        }
        else
        {
            message.Outage.End();
        }

        if (outcome.IsNotRun)
        {
            // A gateway that is away, or a function that is down or full, says nothing of the message, however long it takes, and uses up none of its attempts.
            message.RunsInVain++;
            await (Left(message) == TimeSpan.Zero ? EndOldAsync(message, ct) : PutOffAsync(message, outcome.WaitAtLeast(Retry.Delay(attempt, random), Retry.MaxWait), ct));
            return;
        }

        attempt -= message.RunsInVain;
        message.Refusal = (outcome, attempt);
        var verdict = Retry.Decide(outcome, attempt, random);
        var left = Left(message) - time.GetElapsedTime(message.RunAt);
        if (verdict.Kind != VerdictKind.Retry)
        {
            await GiveUpAsync(message, outcome, attempt, ct);
        }
        else if (left > TimeSpan.Zero)
        {
            await BackOffAsync(message, verdict.After < left ? verdict.After : left, ct);
        }
        else
        {
            // Another run that took as long would end too late.
            await EndOldAsync(message, ct);
        }
    }

    /// <summary>Ends what has waited until its time was over: the broker would take it back before long, and with it all else that is here.</summary>
    /// <returns>Their ends, for whoever stops to wait for: a dead letter takes its time.</returns>
    public IReadOnlyList<Task> EndOld(Waiting waiting) =>
        [.. waiting.TakeOld(options.LongestHold).Where(m => m.Channel.IsOpen).Select(m => EndOldAsync(m, CancellationToken.None))];

    // One that failed is given up, with less than all of its runs. But for most of its time it may have waited until it was run at all, which is none of its fault.
    private Task EndOldAsync(RabbitMqMessage message, CancellationToken ct) =>
        message is { Refusal: { } refusal, BegunAt: { } begun } && time.GetElapsedTime(begun) * 2 >= time.GetElapsedTime(message.ReceivedAt)
            ? GiveUpAsync(message, refusal.Outcome, refusal.Attempt, ct)
            : GiveBackAsync(message, ct);

    private TimeSpan Left(RabbitMqMessage message)
    {
        var held = time.GetElapsedTime(message.ReceivedAt);
        return held < options.LongestHold ? options.LongestHold - held : TimeSpan.Zero;
    }

    private async Task GiveUpAsync(RabbitMqMessage message, Outcome outcome, int attempt, CancellationToken ct)
    {
        switch (options.Failure.OnFailure)
        {
            // The broker has it again: a letter would be one too many.
            case OnFailure.DeadLetter when !message.Channel.IsOpen:
                End(message, "dead_letter", isSettled: false);
                break;
            case OnFailure.DeadLetter when !await deadLetters.TryWriteAsync(message, outcome, attempt, ct):
                await PutOffAsync(message, Retry.Delay(attempt, random), ct);
                return;
            case OnFailure.DeadLetter:
                Log.DeadLettered(log, message.Queue, message.Event.Id, attempt, outcome.Status, outcome.Error);
                End(message, "dead_letter", await message.Channel.AckAsync(message.Message, ct));
                break;
            case OnFailure.Reject:
                Log.Rejected(log, message.Queue, message.Event.Id, attempt, outcome.Status, outcome.Error);
                End(message, "rejected", await message.Channel.RejectAsync(message.Message, requeue: false, ct));
                break;
            case OnFailure.Drop:
                Log.Dropped(log, message.Queue, message.Event.Id, attempt, outcome.Status, outcome.Error);
                End(message, "dropped", await message.Channel.AckAsync(message.Message, ct));
                break;
            default:
                Log.Requeued(log, message.Queue, message.Event.Id, attempt, outcome.Status, outcome.Error);
                _ = GiveBackLaterAsync(message, message.Message.IsRedelivered ? Retry.MaxWait : Retry.Delay(attempt, random));
                break;
        }
    }

    // For a reason that is none of the message's, and may last for hours. It backs off here, for given back it would come at once; but not once its queue is
    // consumed no longer, nor until the broker takes it back by itself, with all else that is here.
    private Task PutOffAsync(RabbitMqMessage message, TimeSpan after, CancellationToken ct) =>
        message.Channel.IsCancelled || Left(message) == TimeSpan.Zero ? GiveBackAsync(message, ct) : BackOffAsync(message, after, ct);

    // It holds no slot meanwhile. Given back at once it would come at once, and go round as fast as its function fails; once the process stops it cannot.
    private async Task GiveBackLaterAsync(RabbitMqMessage message, TimeSpan after)
    {
        var left = Left(message);
        await Signal.CameAsync(message.Waiting.Closed, after < left ? after : left, time, CancellationToken.None);
        End(message, "given_back", await message.Channel.RejectAsync(message.Message, requeue: true, CancellationToken.None));
    }

    // One that would have to wait while the process stops is for others to run.
    private async Task BackOffAsync(RabbitMqMessage message, TimeSpan after, CancellationToken ct)
    {
        if (message.Waiting.TryAdd(message, after > TimeSpan.Zero ? after : TimeSpan.FromMilliseconds(1)))
        {
            Metrics.Retried(message.Queue);
        }
        else
        {
            await GiveBackAsync(message, ct);
        }
    }

    private void End(RabbitMqMessage message, string how, bool isSettled)
    {
        _held.TryRemove(message, out _);
        Metrics.Settled(message.Queue, isSettled ? how : "too_late");
        if (!isSettled)
        {
            Log.TooLate(log, message.Queue, message.Event.Id, how);
        }
    }
}
