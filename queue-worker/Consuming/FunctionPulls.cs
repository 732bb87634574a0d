using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Connectors.QueueWorker.Settling;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Connectors.QueueWorker.Consuming;

/// <summary>
/// Function mode: a consumer for each function with work, and the slots shared out among them, so that nobody starves.
/// </summary>
/// <remarks>
/// How work is found. The invariant: of each message in the stream, somebody tells the scheduler after it was stored, and no later than it may run:
/// <code>
/// stored (accept, retry copy)   the stream republishes its headers: a hint, at once, which may be lost
/// hint lost, worker just up     the look at the stream's subjects, every few seconds, finds it
/// nakked here with a delay      Expect(side, then): nothing republishes a redelivery
/// nakked elsewhere, lease lost  the look, for the message is still in the stream
/// </code>
/// A side that is told of is asked until it answers that nothing waits. What is heard of in between counts as not yet asked about.
/// </remarks>
internal sealed class FunctionPulls : ICallPulls, IDisposable
{
    private static readonly TimeSpan AfterFault = TimeSpan.FromMilliseconds(500);
    // Consumers are named by their function, and the server takes no longer names.
    private const int MaxSubject = 200;

    // No namespace may have a colon.
    private const string Strangers = ":foreign";
    private const string HintPrefix = "OF_HINT.";

    private static readonly TimeSpan Remembered = TimeSpan.FromMinutes(10);

    private readonly QueueWorkerOptions _options;
    private readonly NatsLink _link;
    private readonly Slots _slots;
    private readonly ModeClaim _mode;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly FairScheduler _scheduler;
    private readonly Partition _partition;
    private readonly ConcurrentDictionary<FunctionName, string> _strangers = new();
    private readonly ConcurrentDictionary<Task, bool> _asks = new();
    private readonly Suspicion _news = new();

    public FunctionPulls(
        QueueWorkerOptions options, NatsLink link, StreamSetup setup, Slots slots, ModeClaim mode, TimeProvider time, ILogger log)
    {
        (_options, _link, _slots, _mode, _time, _log) = (options, link, slots, mode, time, log);
        var consuming = options.Consuming;
        _partition = new Partition(consuming.Partitions, consuming.Partition);
        _scheduler = new FairScheduler(
            consuming.MaxInflight,
            function => new FunctionLane(function, consuming.LimiterEnabled ? new ConcurrencyLimit(consuming.MaxInflight) : null, consuming.MaxInflight),
            (function, priority) =>
            {
                Log.FunctionFound(log, function.ToString(), priority.ToString());
                var name = StreamNames.FunctionConsumer(function, priority);
                var filter = _strangers.GetValueOrDefault(function) ?? StreamNames.CallSubject(options.Queue, priority, function);
                return new StreamConsumer(
                    setup, StreamNames.Calls(options.Queue), StreamConsumer.Lapsing(name, filter, consuming.AckWait, consuming.InactiveThreshold), time);
            });
    }

    public IReadOnlyList<StreamConsumer> Lasting => [];

    public void Look(StreamInfo calls)
    {
        foreach (var subject in calls.State.Subjects?.Keys ?? [])
        {
            Hear(subject);
        }

        foreach (var (function, limit) in _scheduler.Limits.Where(learned => learned.Function.Namespace != Strangers))
        {
            Metrics.Learned(_options.Queue, function, limit);
        }

        foreach (var function in _scheduler.Forget(_time.GetUtcNow() - Remembered))
        {
            _strangers.TryRemove(function, out _);
            Metrics.Forgot(_options.Queue, function);
        }
    }

    public async Task RunAsync(CancellationToken stopping)
    {
        var listening = ListenAsync(stopping);
        var max = _options.Consuming.PullMaxMessages > 0 ? _options.Consuming.PullMaxMessages : int.MaxValue;
        try
        {
            while (!stopping.IsCancellationRequested)
            {
                foreach (var (side, calls) in _scheduler.Plan(_slots, max, _time.GetUtcNow()))
                {
                    Track(AskAsync(side, calls));
                }

                await _news.WaitAsync(UntilDue(), stopping);
            }
        }
        catch (OperationCanceledException)
        {
            // Told to stop.
        }

        await Task.WhenAll(_asks.Keys);
        await listening;
    }

    public void Dispose() => _news.Dispose();

    private async Task ListenAsync(CancellationToken stopping)
    {
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                await foreach (var hint in _link.Connection.SubscribeAsync<NatsMemoryOwner<byte>>(
                    StreamNames.Hints(_options.Queue), serializer: NatsRawSerializer<NatsMemoryOwner<byte>>.Default, cancellationToken: stopping))
                {
                    hint.Data.Dispose();
                    Hear(hint.Subject[HintPrefix.Length..]);
                }
            }
            catch (Exception fault) when (!stopping.IsCancellationRequested)
            {
                // Meanwhile the look finds what there is.
                Log.PullFailed(_log, StreamNames.Hints(_options.Queue), fault.Message);
            }
            catch (OperationCanceledException)
            {
                return;
            }

            await Task.Delay(AfterFault, _time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private void Hear(string subject)
    {
        var (function, priority) = OfSubject(subject);
        if (_partition.Serves(function) && _scheduler.Heard(function, priority, _time.GetUtcNow()))
        {
            _news.Raise();
        }
    }

    // What stands on no function's subject is to get its end too: each such subject is treated as a function of its own, with a made-up name.
    private (FunctionName Function, Priority Priority) OfSubject(string subject)
    {
        if (StreamNames.FunctionOf(subject) is { IsValid: true } function && StreamNames.PriorityOf(subject) is { } priority
            && StreamNames.CallSubject(_options.Queue, priority, function) == subject && subject.Length <= MaxSubject)
        {
            return (function, priority);
        }

        var stranger = new FunctionName(Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(subject)))[..32], Strangers);
        _strangers[stranger] = subject;
        return (stranger, Priority.Normal);
    }

    private async Task AskAsync(LaneSide side, int calls)
    {
        await Task.Yield();
        var left = calls;
        var failed = false;
        Delivery? last = null;
        try
        {
            if (side.Consumer.IsBound || await BindAsync(side))
            {
                await foreach (var delivery in side.Consumer.TakeAsync(calls, CancellationToken.None))
                {
                    left--;
                    _scheduler.Started(side, delivery.Envelope?.MaxInflight);
                    if (left == 0)
                    {
                        last = delivery;
                    }
                    else
                    {
                        Start(side, delivery);
                    }
                }

                failed = !side.Consumer.IsBound;
            }
        }
        catch (Exception fault)
        {
            Log.PullFailed(_log, side.Consumer.Name, fault.Message);
            failed = true;
        }
        finally
        {
            _scheduler.Asked(side, left, left == 0, _time.GetUtcNow());
            if (failed)
            {
                _scheduler.Expect(side, _time.GetUtcNow() + AfterFault);
            }

            if (last is not null)
            {
                // Not before its side stands in line again: else its slot, soon free, would go to one of lower priority.
                Start(side, last);
            }

            _slots.Release(left);
            _news.Raise();
        }
    }

    private void Start(LaneSide side, Delivery delivery) => _slots.Start(delivery, handled => Ended(side, handled), _news.Raise);

    private async Task<bool> BindAsync(LaneSide side)
    {
        if (!await _mode.ConfirmAsync(CancellationToken.None))
        {
            return false;
        }

        try
        {
            await side.Consumer.BindAsync(CancellationToken.None);
            return true;
        }
        catch (NatsJSApiException fault) when (fault.Error.ErrCode == StreamSetup.NotUnique)
        {
            await _mode.ClearAsync(CancellationToken.None);
            throw;
        }
    }

    private void Ended(LaneSide side, Handled handled)
    {
        if (handled.Again is { } wait)
        {
            _scheduler.Expect(side, _time.GetUtcNow() + wait);
        }

        _scheduler.Ended(side, handled.Load);
    }

    private TimeSpan UntilDue()
    {
        var wait = (_scheduler.NextDue ?? DateTimeOffset.MaxValue) - _time.GetUtcNow();
        return wait < TimeSpan.Zero ? TimeSpan.Zero : wait > TimeSpan.FromSeconds(5) ? TimeSpan.FromSeconds(5) : wait;
    }

    private void Track(Task task)
    {
        _asks[task] = true;
        _ = task.ContinueWith(done => _asks.TryRemove(done, out _), TaskScheduler.Default);
    }
}

/// <summary>Which functions this worker serves: FNV-1a, 32 bits, of <c>name.namespace</c>, modulo the number of partitions.</summary>
internal readonly record struct Partition(int Count, int Index)
{
    private const uint OffsetBasis = 2166136261;
    private const uint Prime = 16777619;

    public bool Serves(FunctionName function) => Count == 1 || Hash(function.ToString()) % (uint)Count == Index;

    public static uint Hash(string text)
    {
        var hash = OffsetBasis;
        foreach (var b in Encoding.UTF8.GetBytes(text))
        {
            hash = unchecked((hash ^ b) * Prime);
        }

        return hash;
    }
}
