using Confluent.Kafka;
using Connectors.Kafka.Committing;
using Connectors.Kafka.Ordering;
using Connectors.Sdk.Hosting;

namespace Connectors.Kafka.Polling;

/// <summary>One client from its making to its end: a thread that polls, and rounds that commit and tell how things stand.</summary>
internal sealed class KafkaSession : IDisposable
{
    private readonly KafkaOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly Credentials _credentials;
    private readonly IConsumer<byte[]?, byte[]?> _consumer;
    private readonly Assignment _assignment;
    private readonly OffsetCommitter _committer;
    private readonly PartitionGauges _gauges;
    private readonly PollLoop _polling;
    private readonly CancellationTokenSource _ending = new();
    private readonly CancellationTokenSource _ended = new();

    public KafkaSession(KafkaOptions options, Backlog backlog, Arrivals arrivals, Readiness readiness, TimeProvider time, ILogger log)
    {
        (_options, _time, _log) = (options, time, log);
        _credentials = Credentials.Of(options.Broker);
        var properties = KafkaSettings.Consumer(options);
        _assignment = new Assignment(options, backlog, readiness, KafkaSettings.DrainTime(properties), log);
        _consumer = new ConsumerBuilder<byte[]?, byte[]?>(properties)
            .SetLogHandler((_, line) => ClientLog.Tell(log, line))
            .SetErrorHandler((_, error) => ClientLog.Tell(log, error))
            .SetPartitionsAssignedHandler(Assigned)
            .SetPartitionsRevokedHandler((_, partitions) => _assignment.Revoked(Committer, partitions.Select(p => p.TopicPartition)))
            .SetPartitionsLostHandler((_, partitions) => _assignment.Lost(Committer, partitions.Select(p => p.TopicPartition)))
            .Build();
        _committer = new OffsetCommitter(_consumer, backlog, time, log);
        _gauges = new PartitionGauges(_consumer, backlog, time, options.Group);
        _polling = new PollLoop(_consumer, _assignment, backlog, arrivals, options.Group, log);
        Completion = RunAsync();
    }

    /// <summary>Cancelled when the session is over.</summary>
    public CancellationToken Ended => _ended.Token;

    /// <summary>The session's end; it throws what ended it, unless it was asked to.</summary>
    public Task Completion { get; }

    /// <summary>Fetches nothing more, and stays a member of the group for what still runs.</summary>
    public void TakeNoMore() => _polling.TakeNoMore();

    /// <summary>Commits what is done, leaves the group and closes.</summary>
    public async Task EndAsync()
    {
        await _ending.CancelAsync();
        await Completion.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public void Dispose()
    {
        _consumer.Dispose();
        _ending.Dispose();
        _ended.Dispose();
    }

    private OffsetCommitter Committer => _committer;

    // What may come or go is decided by the brokers, within this thread's calls of the client.
    private IEnumerable<TopicPartitionOffset> Assigned(IConsumer<byte[]?, byte[]?> consumer, List<TopicPartition> partitions)
    {
        _committer.Rebalanced();
        return _assignment.Assigned(consumer, partitions);
    }

    private async Task RunAsync()
    {
        var rounds = RoundsAsync();
        try
        {
            await PollOnThreadAsync();
        }
        finally
        {
            await _ending.CancelAsync();
            await rounds;
            _assignment.Lost(_committer, [.. _assignment.Names]);
            _gauges.Tell();
            await _ended.CancelAsync();
        }
    }

    // librdkafka's calls block, so they get a thread of their own.
    private Task PollOnThreadAsync()
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        new Thread(() =>
        {
            try
            {
                Poll();
                done.SetResult();
            }
            catch (Exception fault)
            {
                done.SetException(fault);
            }
        })
        { IsBackground = true, Name = "kafka-poll" }.Start();
        return done.Task;
    }

    private void Poll()
    {
        _consumer.Subscribe(_options.Topics.Select(TopicName.Subscription));
        while (!_ending.IsCancellationRequested)
        {
            _polling.Step();
        }

        _consumer.Close();
    }

    private async Task RoundsAsync()
    {
        while (!_ending.IsCancellationRequested)
        {
            await Task.Delay(_options.CommitInterval, _time, _ending.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            try
            {
                _committer.Commit();
                _gauges.Tell();
                if (Credentials.Of(_options.Broker) != _credentials)
                {
                    Log.CredentialsChanged(_log, _options.Group);
                    await _ending.CancelAsync();
                }
            }
            catch (Exception fault)
            {
                Log.RoundFailed(_log, fault);
            }
        }
    }
}
