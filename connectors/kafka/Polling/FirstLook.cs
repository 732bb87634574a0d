using Confluent.Kafka;
using Connectors.Kafka.Client;
using Connectors.Kafka.Committing;
using Connectors.Kafka.Records;

namespace Connectors.Kafka.Polling;

/// <summary>
/// What was there of each topic when the group first looked. <c>initial_offset=newest</c> skips that and nothing else: what appears later is all new, and is
/// read from its beginning. One look for the life of the process, whatever clients it makes, and one answer for each topic: what the group commits of it
/// meanwhile changes nothing. The answer is noted with each commit, and by that it counts for other members and after a restart.
/// </summary>
internal sealed class FirstLook(IReadOnlyList<string> subscribed, TimeProvider time)
{
    // For how long what a partition holds counts as what it held when the look was taken: as long as a group takes to assign partitions if nothing holds it up.
    // Then its records' own times are asked for.
    private static readonly TimeSpan FreshTime = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan GoneFor = TimeSpan.FromDays(1);
    private static readonly TimeSpan GoneEvery = TimeSpan.FromHours(1);

    // Guards the answers, what was asked about and what is missing: the poll thread and a look beside it may ask at once.
    private readonly Lock _gate = new();
    private readonly Dictionary<string, TopicLook?> _answers = [];
    private readonly HashSet<TopicPartition> _asked = [];
    private readonly Dictionary<string, long> _missing = [];
    private long _soughtAt = time.GetTimestamp();
    private Look? _look;

    /// <summary>What the group had committed, as far as this process saw it.</summary>
    public SeenCommits Seen { get; } = new();

    /// <summary>Looks, unless that was done. False if the brokers do not answer.</summary>
    public bool TryTake(Handle client, TimeSpan limit)
    {
        if (_look is not null)
        {
            return true;
        }

        try
        {
            var (at, began) = (time.GetUtcNow(), time.GetTimestamp());
            if (BrokerQuery.Held(client, _ => Count(client, new Deadline(time, limit))) is not { } counts)
            {
                return false;
            }

            // Two threads may look at once; both go by what the first saw.
            Interlocked.CompareExchange(ref _look, new Look(counts, at.ToUnixTimeMilliseconds(), began), null);
            return true;
        }
        catch (KafkaException)
        {
            return false;
        }
    }

    /// <summary>How many partitions a topic had; 0 if it was not there, or hidden.</summary>
    public int Partitions(string topic)
    {
        var count = _look?.Counts.GetValueOrDefault(topic) ?? 0;
        return count == TopicLook.Hidden ? 0 : count;
    }

    /// <summary>Notes that it is asked where these begin, and tells which of them were asked about before.</summary>
    public IReadOnlySet<TopicPartition> Ask(IReadOnlyCollection<TopicPartition> partitions)
    {
        lock (_gate)
        {
            if (_look is { } look && time.GetElapsedTime(look.Began) >= FreshTime)
            {
                // From now on it makes no difference.
                _asked.Clear();
                return partitions.ToHashSet();
            }

            return partitions.Where(name => !_asked.Add(name)).ToHashSet();
        }
    }

    /// <summary>What was there of a topic at first; null if all of it is new.</summary>
    /// <param name="topic">The topic.</param>
    /// <param name="committed">What the group has committed of it now.</param>
    /// <param name="wasRead">Whether the group was seen to have committed anything of it before.</param>
    public TopicLook? Of(string topic, IEnumerable<CommittedOffset> committed, bool wasRead)
    {
        List<TopicLook?> noted = [.. committed.Where(c => c.IsThere).Select(c => OffsetNote.Parse(c.Note).Look)];
        lock (_gate)
        {
            if (noted.Count == 0 && wasRead)
            {
                // Deleted and made again, or its offsets were deleted: what was there at first is no measure any more.
                _answers[topic] = null;
            }
            else if (!_answers.ContainsKey(topic))
            {
                // A topic that was read without such a note was read by others, or before there was one: what has no offset appeared since.
                _answers[topic] = noted.Count == 0 ? Own(topic) : noted.Where(look => look is not null).MinBy(look => look?.At);
            }

            return _answers[topic];
        }
    }

    /// <summary>Whether a topic is looked at right now, so that what its partitions hold is what they held at first.</summary>
    public bool IsFresh(TopicLook look) => _look is { } own && own.At == look.At && time.GetElapsedTime(own.Began) < FreshTime;

    /// <summary>
    /// Forgets what is known of topics that have not been there for a day; the brokers are asked once an hour. With patterns others come for ever. What was there at
    /// first is kept: of such a topic, made again, only that it was read before tells that all of it is new.
    /// </summary>
    public void ForgetGone(Handle client, TimeSpan limit)
    {
        if (_look is not { } look || time.GetElapsedTime(_soughtAt) < GoneEvery)
        {
            return;
        }

        _soughtAt = time.GetTimestamp();
        if (KnownBeside(look).Count == 0 || Listed(client, limit) is not { } listed)
        {
            return;
        }

        lock (_gate)
        {
            var (now, missing) = (time.GetTimestamp(), KnownBeside(look));
            missing.ExceptWith(listed);
            foreach (var back in _missing.Keys.Where(topic => !missing.Contains(topic)).ToList())
            {
                _missing.Remove(back);
            }

            foreach (var topic in missing)
            {
                _missing.TryAdd(topic, now);
            }

            var gone = missing.Where(topic => time.GetElapsedTime(_missing[topic], now) >= GoneFor).ToHashSet();
            Seen.Forget(gone);
            foreach (var topic in gone)
            {
                _answers.Remove(topic);
                _missing.Remove(topic);
            }
        }
    }

    // Of which topics anything is known that were not there at first.
    private HashSet<string> KnownBeside(Look look)
    {
        lock (_gate)
        {
            HashSet<string> known = [.. _answers.Keys, .. Seen.All.Select(name => name.Topic)];
            known.ExceptWith(look.Counts.Keys);
            return known;
        }
    }

    // Null if the brokers do not answer.
    private static HashSet<string>? Listed(Handle client, TimeSpan limit)
    {
        try
        {
            return BrokerQuery.Held(client, _ =>
            {
                using var admin = new DependentAdminClientBuilder(client).Build();
                return admin.GetMetadata(limit).Topics.Select(t => t.Topic).ToHashSet();
            });
        }
        catch (KafkaException)
        {
            return null;
        }
    }

    // Brokers list no topic that may not be described. Asked for it by its name they say so, which tells it from one that is not there.
    private Dictionary<string, int>? Count(Handle client, Deadline deadline)
    {
        using var admin = new DependentAdminClientBuilder(client).Build();
        if (deadline.Ask(left => admin.GetMetadata(left)) is not { } listed)
        {
            return null;
        }

        var counts = listed.Topics.ToDictionary(t => t.Topic, t => IsHidden(t) ? TopicLook.Hidden : t.Partitions.Count);
        foreach (var topic in subscribed.Where(topic => !TopicName.IsPattern(topic) && !counts.ContainsKey(topic)).Distinct().ToList())
        {
            if (deadline.Ask(left => Told(admin, topic, left)) is not { } told)
            {
                return null;
            }

            if (told.Any(IsHidden))
            {
                counts.Add(topic, TopicLook.Hidden);
            }
        }

        return counts;
    }

    // Kafka 0.9 answers for a hidden topic what the client cannot read: it counts as one that is not there, as before.
    private static List<TopicMetadata> Told(IAdminClient admin, string topic, TimeSpan limit)
    {
        try
        {
            return admin.GetMetadata(topic, limit).Topics;
        }
        catch (KafkaException fault) when (fault.Error.Code == ErrorCode.Local_BadMsg)
        {
            return [];
        }
    }

    private static bool IsHidden(TopicMetadata topic) => topic.Error.Code == ErrorCode.TopicAuthorizationFailed;

    private TopicLook? Own(string topic) =>
        _look is { } look && look.Counts.TryGetValue(topic, out var partitions) ? new TopicLook(partitions, look.At) : null;

    private sealed record Look(Dictionary<string, int> Counts, long At, long Began);
}
