using Confluent.Kafka;
using Connectors.Kafka.Client;
using Connectors.Kafka.Committing;
using Connectors.Kafka.Ordering;
using Connectors.Sdk.Hosting;

namespace Connectors.Kafka.Polling;

/// <summary>One client from its making to its end: a thread that polls, and rounds that commit and tell how things stand.</summary>
internal sealed class KafkaSession : IDisposable
{
    private static readonly TimeSpan LookLimit = TimeSpan.FromSeconds(5);

    private readonly KafkaOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly Credentials _credentials;
    private readonly Backlog _backlog;
    private readonly IConsumer<byte[]?, byte[]?> _consumer;
    private readonly StartingOffsets _starts;
    private readonly Assignment _assignment;
    private readonly OffsetCommitter _committer;
    private readonly PartitionGauges _gauges;
    private readonly PollLoop _polling;
    private readonly CancellationTokenSource _ending = new();
    private Credentials? _refused;

    public KafkaSession(KafkaOptions options, Backlog backlog, FirstLook firstLook, Readiness readiness, TimeProvider time, ILogger log)
    {
        (_options, _backlog, _time, _log) = (options, backlog, time, log);
        _credentials = Credentials.Of(options.Broker);
        var properties = ClientProperties.Consumer(options);
        DrainTime = ClientProperties.DrainTime(properties);

        // Once it is made nothing may throw: nobody would close it.
        _consumer = new ConsumerBuilder<byte[]?, byte[]?>(properties)
            .SetLogHandler((_, line) => ClientLog.Tell(log, line))
            .SetErrorHandler((_, error) => ClientLog.Tell(log, error))
            .SetPartitionsAssignedHandler(Assigned)
            .SetPartitionsRevokedHandler(Revoked)
            .SetPartitionsLostHandler(Lost)
            .Build();
        var committed = new GroupOffsets(_consumer, options.Session.InitialOffset == InitialOffset.Newest ? firstLook.Seen : null);
        _starts = new StartingOffsets(_consumer, committed, firstLook, options.Session.InitialOffset, time);
        _assignment = new Assignment(options, _starts, backlog, readiness, DrainTime, time, log);
        _committer = new OffsetCommitter(committed, backlog, options.Session.RenewInterval, time, log);
        _gauges = new PartitionGauges(_consumer, backlog, time, options.Subscription.Group);
        _polling = new PollLoop(_consumer, _assignment, _committer, backlog, options, time, log);
        Completion = Blocking.RunAsync(Run, "kafka-poll");
    }

    /// <summary>Cancelled when the session begins to end, whatever the reason: nothing more comes of it.</summary>
    public CancellationToken Ending => _ending.Token;

    /// <summary>How long what runs may take to finish while the session ends. Known once it begins to.</summary>
    public TimeSpan DrainTime { get; private set; }

    /// <summary>The session's end; it throws what ended it, unless it was asked to.</summary>
    public Task Completion { get; }

    /// <summary>Fetches nothing more, and stays a member of the group for what still runs.</summary>
    public void TakeNoMore() => _polling.TakeNoMore();

    /// <summary>
    /// Commits what is done, leaves the group and closes. The client's own close may never end (a topic deleted and made again with fewer partitions, a
    /// broker that answers nothing): after the limit it is left behind, and its events are given up. False if the caller gave up first.
    /// </summary>
    public async Task<bool> EndAsync(TimeSpan limit, CancellationToken ct)
    {
        await _ending.CancelAsync();
        using var patience = new TimeLimit(limit, _time, ct);
        await Completion.WaitAsync(patience.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!Completion.IsCompleted && patience.IsCancelled)
        {
            return false;
        }

        if (!Completion.IsCompleted)
        {
            Log.LeftBehind(_log, _options.Subscription.Group, limit);
            LeaveBehind();
        }

        return true;
    }

    public void Dispose()
    {
        // A client that was left behind may still look at them.
        if (Completion.IsCompleted)
        {
            _ending.Dispose();
        }
    }

    // Whatever it still does, another client may be at work by then.
    private void LeaveBehind()
    {
        _polling.TakeNoMore();
        _assignment.LeaveBehind();
        _committer.LeaveBehind();
        _gauges.Forget();
        foreach (var partition in _backlog.Clear())
        {
            partition.Withdraw();
        }
    }

    // What may come or go is decided by the brokers, within this thread's calls of the client.
    private IEnumerable<TopicPartitionOffset> Assigned(IConsumer<byte[]?, byte[]?> consumer, List<TopicPartition> partitions)
    {
        _committer.Rebalanced();
        return _assignment.Assigned(consumer, partitions);
    }

    private void Revoked(IConsumer<byte[]?, byte[]?> consumer, List<TopicPartitionOffset> partitions)
    {
        var names = partitions.ConvertAll(p => p.TopicPartition);
        _assignment.Revoked(_committer, names);
        consumer.Unpause(names);
    }

    private void Lost(IConsumer<byte[]?, byte[]?> consumer, List<TopicPartitionOffset> partitions)
    {
        var names = partitions.ConvertAll(p => p.TopicPartition);
        _assignment.Lost(_committer, names);
        consumer.Unpause(names);
    }

    // The whole of it, on a thread that may block.
    private void Run()
    {
        // Each by itself: telling asks the brokers, and no commit waits for one that is silent; a commit may wait for brokers that refuse the old password.
        var rounds = Task.WhenAll(
            RoundsAsync(_committer.CommitAndRenew), RoundsAsync(_gauges.Tell), RoundsAsync(HeedCredentials), RoundsAsync(() => _starts.ForgetGone(LookLimit)));
        try
        {
            Poll();
        }
        catch
        {
            // Nothing is drained of a client that is broken.
            DrainTime = TimeSpan.Zero;
            throw;
        }
        finally
        {
            _ending.Cancel();
            rounds.GetAwaiter().GetResult();
            _assignment.Lost(_committer, [.. _assignment.Names]);
            _assignment.EndLook();
            _polling.EndWaking();
            _gauges.Tell();
            _consumer.Dispose();
        }
    }

    private void Poll()
    {
        _starts.Prepare(LookLimit);
        _consumer.Subscribe(_options.Subscription.Subscribed);
        while (!_ending.IsCancellationRequested)
        {
            _polling.Step();
        }

        // Before the close, which may not come to its own.
        _committer.Commit();
        _consumer.Close();
    }

    // Certificate and key come from files that change at different moments: the client that works is ended once another one can be made of what is there.
    private void HeedCredentials()
    {
        var now = Credentials.Of(_options.Broker);
        if (now == _credentials || now == _refused)
        {
            return;
        }

        if (ClientCheck.Refusal(_options) is { } refusal)
        {
            _refused = now;
            Log.CredentialsRefused(_log, _options.Subscription.Group, refusal);
            return;
        }

        Log.CredentialsChanged(_log, _options.Subscription.Group);
        _ending.Cancel();
    }

    private async Task RoundsAsync(Action round)
    {
        while (true)
        {
            await Task.Delay(_options.Session.CommitInterval, _time, _ending.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (_ending.IsCancellationRequested)
            {
                // The end commits and tells by itself; who cancels is held up by no round.
                return;
            }

            try
            {
                round();
            }
            catch (Exception fault)
            {
                Log.RoundFailed(_log, fault);
            }
        }
    }
}
