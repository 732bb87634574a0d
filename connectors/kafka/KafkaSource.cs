using System.Runtime.CompilerServices;
using Confluent.Kafka;
using Connectors.Kafka.Client;
using Connectors.Kafka.Ordering;
using Connectors.Kafka.Polling;
using Connectors.Kafka.Settling;
using Connectors.Sdk.Events;
using Connectors.Sdk.Hosting;

namespace Connectors.Kafka;

/// <summary>Records of a consumer group as events. The client outlives the enumeration: what was yielded is settled and committed through it.</summary>
internal sealed class KafkaSource : IEventSource, IAsyncDisposable
{
    // For what is left to do when running events took all of the grace period: to commit and to leave the group.
    private static readonly TimeSpan MinClosingTime = TimeSpan.FromSeconds(3);

    private readonly KafkaOptions _options;
    private readonly Backlog _backlog;
    private readonly Settler _settler;
    private readonly Readiness _readiness;
    private readonly TimeProvider _time;
    private readonly ILogger<KafkaSource> _log;
    private readonly FirstLook _firstLook;
    private KafkaSession? _session;
    private long? _stoppedAt;

    public KafkaSource(KafkaOptions options, Backlog backlog, Settler settler, Readiness readiness, TimeProvider time, ILogger<KafkaSource> log)
    {
        (_options, _backlog, _settler, _readiness, _time, _log) = (options, backlog, settler, readiness, time, log);
        _firstLook = new FirstLook(options.Subscription.Topics, time);
        readiness.Announce(Assignment.Condition);
    }

    public async IAsyncEnumerable<Received> ReadAsync(Slots slots, [EnumeratorCancellation] CancellationToken stoppingToken)
    {
        using var stop = stoppingToken.Register(TakeNoMore);

        // What an enumeration left open that ended early.
        await EndAsync(ClosingTime, stoppingToken);
        while (!stoppingToken.IsCancellationRequested)
        {
            var session = _session = new KafkaSession(_options, _backlog, _firstLook, _readiness, _time, _log);
            using var over = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken, session.Ending);
            while (await NextAsync(over.Token) is { } record)
            {
                yield return record.Handed ??= new KafkaReceived(record, _settler) { Withdrawn = record.Partition.Withdrawn };
            }

            // It ends by itself; at a stop it stays open for what still runs.
            if (!stoppingToken.IsCancellationRequested)
            {
                await EndAsync(session.DrainTime + ClosingTime, stoppingToken);
            }

            if (session.Completion.Exception?.InnerException is KafkaException { Error.Code: ErrorCode.FencedInstanceId })
            {
                await GiveWayAsync(stoppingToken);
            }
            else if (session.Completion.IsFaulted)
            {
                await session.Completion;
            }
        }
    }

    public ValueTask DisposeAsync() => new(EndAsync(ClosingTime, CancellationToken.None));

    // What is left of the grace period, for every step of stopping is within it.
    private TimeSpan ClosingTime
    {
        get
        {
            var left = _options.Service.GracePeriod - (_stoppedAt is { } at ? _time.GetElapsedTime(at) : TimeSpan.Zero);
            return left > MinClosingTime ? left : MinClosingTime;
        }
    }

    private void TakeNoMore()
    {
        _stoppedAt = _time.GetTimestamp();
        _session?.TakeNoMore();
    }

    // One whose end a stop came in between stays: it has what is left of the grace period.
    private async Task EndAsync(TimeSpan limit, CancellationToken ct)
    {
        if (_session is { } session && await session.EndAsync(limit, ct) && Interlocked.CompareExchange(ref _session, null, session) == session)
        {
            session.Dispose();
        }
    }

    // To the process that drove this one out: it works for a while before this one joins again and drives it out in its turn. Two with one id never come to
    // rest.
    private async Task GiveWayAsync(CancellationToken ct)
    {
        var wait = ClientProperties.SessionTimeout(ClientProperties.Consumer(_options)) * 2;
        _readiness.Lost(Assignment.Condition, "another process has our group.instance.id");
        Log.Fenced(_log, _options.Subscription.Group, wait);
        await Task.Delay(wait, _time, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task<InFlight?> NextAsync(CancellationToken ct)
    {
        try
        {
            return ct.IsCancellationRequested ? null : await _backlog.NextAsync(ct);
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }
}
