using System.Collections.Concurrent;
using System.Text;
using Connectors.Streams.Nats;
using Connectors.Testing;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Connectors.Streams.Tests.Nats;

/// <summary>
/// What was acked is there, although the leader of the stream stalls under load. Servers before 2.11 answer the repeat of what they had only taken in hand
/// with an ack of sequence 0: whoever trusts it loses the message.
/// </summary>
public sealed class LeaderTests(ITestOutputHelper output)
{
    private const int Pauses = 3;
    private const int WritersEach = 4;

    // What the gateway does: the same id, and what is not known is told to the caller, who repeats it; what a worker does: a fresh id, until it is stored.
    private static readonly WriteTerms Gateway = new(TimeSpan.FromSeconds(2)) { TryTimeout = TimeSpan.FromMilliseconds(500) };
    private static readonly WriteTerms Worker = new(TimeSpan.FromMinutes(5)) { TryTimeout = TimeSpan.FromMilliseconds(500), WaitsForRoom = true, RenewsIdAfter = TimeSpan.FromSeconds(1) };

    private readonly ConcurrentDictionary<string, bool> _acked = new();
    private readonly ConcurrentDictionary<string, int> _unknown = new();
    private volatile bool _stop;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_was_acked_is_stored_although_leaders_stall(bool floor)
    {
        var (cluster, links) = await FormAsync(floor);
        await using var stopped = cluster;
        var writers = links.SelectMany(link => Enumerable.Range(0, WritersEach).Select(i => WriteAsync(link.Publisher, i % 2 == 0 ? Gateway : Worker))).ToList();

        var changes = 0;
        for (var pause = 0; pause < Pauses; pause++)
        {
            var before = _acked.Count;
            await Eventually.HoldsAsync(() => _acked.Count > before + 200, "writes are acked");
            var leader = await LeaderAsync(links, except: null);
            cluster.Named(leader).Pause();
            try
            {
                await LeaderAsync(links, except: leader);
                changes++;
            }
            catch (TimeoutException)
            {
                // Now and then the two that are left elect nobody while the third stands still: that is no fault of a write.
                output.WriteLine($"no other leader while {leader} stood still");
            }
            finally
            {
                cluster.Named(leader).Resume();
            }
        }

        _stop = true;
        await Task.WhenAll(writers);
        output.WriteLine($"{_acked.Count} acked, not known: {string.Join("; ", _unknown.Select(u => $"{u.Value} x {u.Key}"))}");
        await AreStoredAsync(links, [.. _acked.Keys]);

        Assert.True(changes > 0, "no leader changed");
        foreach (var link in links)
        {
            await link.DisposeAsync();
        }
    }

    private async Task WriteAsync(StreamPublisher publisher, WriteTerms terms)
    {
        while (!_stop)
        {
            var body = Guid.NewGuid().ToString();
            var write = default(StreamWrite);
            while (true)
            {
                write = await publisher.WriteAsync(new StreamMessage("s.a", body, [], Encoding.ASCII.GetBytes(body)), terms, Ct);
                if (write.IsStored)
                {
                    break;
                }

                Assert.True(write.Result != WriteResult.TooLarge, write.Reason);
                _unknown.AddOrUpdate($"{write.Result}: {write.Reason}", 1, (_, count) => count + 1);
                if (_stop)
                {
                    break;
                }
            }

            if (write.IsStored)
            {
                _acked[body] = true;
            }
        }
    }

    private static async Task<(NatsCluster Cluster, IReadOnlyList<TestLink> Links)> FormAsync(bool floor)
    {
        var cluster = await NatsCluster.StartAsync(TestLink.TryReplicasAsync, floor);
        var links = new List<TestLink>();
        foreach (var server in cluster.Servers)
        {
            links.Add(await TestLink.OpenAsync(server));
        }

        var config = new StreamConfig("S", ["s.>"]) { NumReplicas = 3, Retention = StreamConfigRetention.Workqueue, Discard = StreamConfigDiscard.New };
        await Eventually.HoldsAsync(async () => await links[0].Link.JetStream.CreateStreamAsync(config, Ct) is not null, "the stream is made");
        return (cluster, links);
    }

    private static async Task<string> LeaderAsync(IReadOnlyList<TestLink> links, string? except) => await Eventually.GetAsync(
        async () =>
        {
            var asked = links.Where((_, i) => $"n{i}" != except).Select(link => link.Link.JetStream.GetStreamAsync("S", cancellationToken: Ct).AsTask());
            var leader = (await await Task.WhenAny(asked)).Info.Cluster?.Leader;
            return string.IsNullOrEmpty(leader) || leader == except ? null : leader;
        },
        "the stream has another leader",
        TimeSpan.FromMinutes(1));

    // What the stream is said to hold is no measure: a server that has just come back may take itself for the leader, and say less.
    private static async Task AreStoredAsync(IReadOnlyList<TestLink> links, HashSet<string> acked)
    {
        var js = links[0].Link.JetStream;
        var consumer = await Eventually.GetAsync(
            async () => await js.CreateOrUpdateConsumerAsync("S", new ConsumerConfig("all") { AckPolicy = ConsumerConfigAckPolicy.Explicit, MaxAckPending = -1 }, Ct), "a consumer is made");
        await Eventually.HoldsAsync(
            async () =>
            {
                await foreach (var message in consumer.FetchNoWaitAsync(new NatsJSFetchOpts { MaxMsgs = 1000 }, NatsRawSerializer<byte[]>.Default, Ct))
                {
                    acked.Remove(Encoding.ASCII.GetString(message.Data!));
                }

                return acked.Count == 0;
            },
            () => $"all that was acked is stored; {acked.Count} are missing: {string.Join(' ', acked.Take(20))}",
            TimeSpan.FromMinutes(3));
    }
}
