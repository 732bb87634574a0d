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
    private readonly CancellationTokenSource _ended = new();

    public KafkaSession(KafkaOptions options, Backlog backlog, FirstLook firstLook, Readiness readiness, TimeProvider time, ILogger log)
    {
        (_options, _backlog, _time, _log) = (options, backlog, time, log);
        _credentials = Credentials.Of(options.Broker);
        var properties = KafkaSettings.Consumer(options);
        _consumer = new ConsumerBuilder<byte[]?, byte[]?>(properties)
            .SetLogHandler((_, line) => ClientLog.Tell(log, line))
            .SetErrorHandler((_, error) => ClientLog.Tell(log, error))
            .SetPartitionsAssignedHandler(Assigned)
            .SetPartitionsRevokedHandler((_, partitions) => Revoked(partitions))
            .SetPartitionsLostHandler((_, partitions) => Lost(partitions))
            .Build();
        var committed = new GroupOffsets(_consumer);
        _starts = new StartingOffsets(_consumer, committed, firstLook, options.Session.InitialOffset, time);
        _assignment = new Assignment(options, _starts, backlog, readiness, KafkaSettings.DrainTime(properties), time, log);
        _committer = new OffsetCommitter(committed, backlog, time, log);
        _gauges = new PartitionGauges(_consumer, backlog, time, options.Subscription.Group);
        _polling = new PollLoop(_consumer, _assignment, _committer, backlog, options, time, log);
        Completion = Blocking.RunAsync(Run, "kafka-poll");
    }

    /// <summary>Cancelled when the session is over.</summary>
    public CancellationToken Ended => _ended.Token;

    /// <summary>The session's end; it throws what ended it, unless it was asked to.</summary>
    public Task Completion { get; }

    /// <summary>Fetches nothing more, and stays a member of the group for what still runs.</summary>
    public void TakeNoMore() => _polling.TakeNoMore();

    /// <summary>
    /// Commits what is done, leaves the group and closes. The client's own close may never end (a topic deleted and made again with fewer partitions, a
    /// broker that answers nothing): after the limit it is left behind, and its events are given up.
    /// </summary>
    public async Task EndAsync(TimeSpan limit)
    {
        await _ending.CancelAsync();
        using var patience = new TimeLimit(limit, _time);
        await Completion.WaitAsync(patience.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!Completion.IsCompleted)
        {
            Log.LeftBehind(_log, _options.Subscription.Group, limit);
            foreach (var partition in _backlog.Clear())
            {
                partition.Withdraw();
            }
        }
    }

    public void Dispose()
    {
        // A client that was left behind may still look at them.
        if (Completion.IsCompleted)
        {
            _ending.Dispose();
            _ended.Dispose();
        }
    }

    // What may come or go is decided by the brokers, within this thread's calls of the client.
    private IEnumerable<TopicPartitionOffset> Assigned(IConsumer<byte[]?, byte[]?> consumer, List<TopicPartition> partitions)
    {
        _committer.Rebalanced();
        return _assignment.Assigned(consumer, partitions);
    }

    private void Revoked(List<TopicPartitionOffset> partitions) => _assignment.Revoked(_committer, partitions.Select(p => p.TopicPartition));

    private void Lost(List<TopicPartitionOffset> partitions) => _assignment.Lost(_committer, partitions.Select(p => p.TopicPartition));

    // The whole of it, on a thread that may block.
    private void Run()
    {
        // Each by itself: telling asks the brokers, and no commit waits for one that is silent.
        var rounds = Task.WhenAll(RoundsAsync(Commit), RoundsAsync(_gauges.Tell));
        try
        {
            Poll();
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
            _ended.Cancel();
        }
    }

    private void Poll()
    {
        _starts.Prepare(LookLimit);
        _consumer.Subscribe(_options.Subscription.Topics.Select(TopicName.Subscription));
        while (!_ending.IsCancellationRequested)
        {
            _polling.Step();
        }

        // Before the close, which may not come to its own.
        _committer.Commit();
        _consumer.Close();
    }

    private void Commit()
    {
        _committer.Commit();
        if (Credentials.Of(_options.Broker) != _credentials)
        {
            Log.CredentialsChanged(_log, _options.Subscription.Group);
            _ending.Cancel();
        }
    }

    private async Task RoundsAsync(Action round)
    {
        while (!_ending.IsCancellationRequested)
        {
            await Task.Delay(_options.Session.CommitInterval, _time, _ending.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
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
