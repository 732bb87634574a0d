using System.Collections.Concurrent;
using Confluent.Kafka;
using Confluent.Kafka.Admin;

namespace Connectors.Kafka.Polling;

/// <summary>
/// Notices that a topic is deleted and made again while it is read. The client reads on in the new one at the old offset, and says nothing; but brokers from
/// 2.8 on give each topic an id of its own, which is asked for at each assignment and every few seconds. Older ones give none, and are asked no more.
/// </summary>
internal sealed class TopicIds(Handle client, TimeProvider time, ILogger log) : IDisposable
{
    private static readonly TimeSpan AskEvery = TimeSpan.FromSeconds(5);
    private static readonly DescribeTopicsOptions Options = new() { RequestTimeout = TimeSpan.FromSeconds(1), IncludeAuthorizedOperations = false };

    // Ids are asked for by the poll thread, at an assignment, and by the rounds.
    private readonly SemaphoreSlim _asking = new(1, 1);
    private readonly IAdminClient _admin = new DependentAdminClientBuilder(client).Build();
    private readonly ConcurrentQueue<string> _remade = new();
    private readonly Dictionary<string, Uuid> _known = [];
    private volatile bool _areThere = true;

    /// <summary>The next topic that was made again.</summary>
    public bool TryTakeRemade(out string topic) => _remade.TryDequeue(out topic!); // set where it is true

    /// <summary>Asks for the ids of some topics: the first are remembered, one that differs from what was remembered is told.</summary>
    public async Task LookAsync(IReadOnlyCollection<string> topics)
    {
        if (!_areThere || topics.Count == 0)
        {
            return;
        }

        await _asking.WaitAsync();
        try
        {
            foreach (var topic in (await DescribeAsync(topics)).Where(t => !t.Error.IsError))
            {
                Compare(topic.Name, topic.TopicId);
            }
        }
        catch (Exception fault)
        {
            // The next look repeats it.
            Log.TopicIdsUnknown(log, fault.Message);
        }
        finally
        {
            _asking.Release();
        }
    }

    /// <summary>Asks every few seconds for the topics that are read then.</summary>
    public async Task FollowAsync(Func<IReadOnlyCollection<string>> topics, CancellationToken ct)
    {
        while (_areThere && !ct.IsCancellationRequested)
        {
            await Task.Delay(AskEvery, time, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!ct.IsCancellationRequested)
            {
                await LookAsync(topics());
            }
        }
    }

    public void Dispose()
    {
        _admin.Dispose();
        _asking.Dispose();
    }

    private async Task<List<TopicDescription>> DescribeAsync(IEnumerable<string> topics)
    {
        try
        {
            return (await _admin.DescribeTopicsAsync(TopicCollection.OfTopicNames(topics), Options)).TopicDescriptions;
        }
        catch (DescribeTopicsException fault)
        {
            return fault.Results.TopicDescriptions;
        }
    }

    private void Compare(string topic, Uuid id)
    {
        if (id.MostSignificantBits == 0 && id.LeastSignificantBits == 0)
        {
            _areThere = false;
            return;
        }

        if (_known.TryGetValue(topic, out var known) && !known.Equals(id))
        {
            _remade.Enqueue(topic);
        }

        _known[topic] = id;
    }
}
