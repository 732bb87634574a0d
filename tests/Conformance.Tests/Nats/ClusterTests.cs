using System.Collections.Concurrent;
using System.Text;
using Connectors.Testing;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;
using NATS.Client.KeyValueStore;
using NATS.Net;

namespace Connectors.Conformance.Tests.Nats;

public sealed class ClusterTests(ITestOutputHelper output) : IAsyncLifetime
{
    private const int Size = 3;
    private const int Attempts = 3;

    private readonly NatsServer[] _servers = new NatsServer[Size];
    private NatsConnection _nats = null!;
    private INatsJSContext _js = null!;

    public async ValueTask InitializeAsync()
    {
        for (var attempt = 1; !await FormsAsync(last: attempt == Attempts); attempt++)
        {
            await DisposeAsync();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _nats.DisposeAsync();
        foreach (var server in _servers)
        {
            await server.DisposeAsync();
        }
    }

    // On a busy machine a new cluster may settle on a leader that knows of too few servers, and stays so.
    private async Task<bool> FormsAsync(bool last)
    {
        var routes = Enumerable.Range(0, Size).Select(_ => FreePort.Next()).ToArray();
        for (var i = 0; i < Size; i++)
        {
            _servers[i] = await NatsServer.StartAsync(
                $"server_name: n{i}\ncluster {{ name: c, listen: \"127.0.0.1:{routes[i]}\", routes: [{string.Join(", ", routes.Select(port => $"\"nats://127.0.0.1:{port}\""))}] }}");
        }

        _nats = new NatsConnection(new NatsOpts
        {
            // One address: the others are learnt from it.
            Url = _servers[0].Url,
            ReconnectWaitMin = TimeSpan.FromMilliseconds(50),
            ReconnectWaitMax = TimeSpan.FromMilliseconds(200),
            ConnectTimeout = TimeSpan.FromSeconds(10),
            RequestTimeout = TimeSpan.FromSeconds(2),

            // A server that is paused keeps its connections; only pings find out.
            PingInterval = TimeSpan.FromMilliseconds(500),
        });
        _js = _nats.CreateJetStreamContext();
        try
        {
            await AnsweredAsync(() => _js.CreateStreamAsync(new StreamConfig("S", ["s.>"]) { NumReplicas = Size }));
            return true;
        }
        catch (TimeoutException) when (!last)
        {
            return false;
        }
    }

    [Fact]
    public async Task The_loss_of_the_server_that_one_is_connected_to_goes_over_to_one_learnt()
    {
        await using var sub = await _nats.SubscribeCoreAsync<string>("a");
        await Eventually.HoldsAsync(() => _nats.ServerInfo!.ClientConnectUrls is { Length: Size }, "all servers are told of");

        await _servers[0].KillAsync();
        await Eventually.HoldsAsync(() => _nats.ConnectionState == NatsConnectionState.Open && _nats.ServerInfo!.Port != _servers[0].Port, "another server is taken");
        await _nats.PublishAsync("a", "x");

        Assert.Equal("x", (await sub.Msgs.ReadAsync()).Data);
    }

    [Fact]
    public async Task What_was_acknowledged_is_stored_although_leaders_are_killed()
    {
        var acknowledged = new List<int>();
        var published = 0;
        using var stop = new CancellationTokenSource();
        var publishing = Task.Run(async () =>
        {
            for (; !stop.IsCancellationRequested; published++)
            {
                try
                {
                    var ack = await _js.PublishAsync("s.a", published, opts: new NatsJSPubOpts { MsgId = $"{published}", RetryAttempts = 20, RetryWaitBetweenAttempts = TimeSpan.FromMilliseconds(50) });
                    if (ack.Error is null)
                    {
                        lock (acknowledged)
                        {
                            acknowledged.Add(published);
                        }
                    }
                }
                catch (NatsException)
                {
                    // Not known whether stored; not promised.
                }

                // Leaves the servers time to elect and to catch up.
                await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System);
            }
        });

        for (var round = 0; round < 2; round++)
        {
            await MoreAsync(100);
            var leader = await LeaderAsync(async () => (await _js.GetStreamAsync("S")).Info.Cluster);
            await leader.KillAsync();
            await MoreAsync(100);
            await leader.StartAgainAsync();
            await Eventually.HoldsAsync(
                async () => (await _js.GetStreamAsync("S")).Info.Cluster!.Replicas!.All(replica => !replica.Offline),
                "the killed server is back in the group");
        }

        await stop.CancelAsync();
        await publishing;
        var stored = (await StoredAsync()).Select(int.Parse).ToList();

        Assert.Empty(acknowledged.Except(stored));
        Assert.Equal(stored.Count, stored.Distinct().Count());

        Task MoreAsync(int count)
        {
            var before = Count();
            return Eventually.HoldsAsync(() => Count() >= before + count, "publishing goes on");
        }

        int Count()
        {
            lock (acknowledged)
            {
                return acknowledged.Count;
            }
        }
    }

    // nats-server 2.10 answers the repeat of an id that a paused leader had only taken note of as a duplicate with sequence 0, and the message is not
    // stored and never will be. Whoever publishes has to take such an answer for none.
    [Fact]
    public async Task What_was_acknowledged_with_a_sequence_is_stored_although_leaders_pause()
    {
        var acknowledged = new ConcurrentBag<string>();
        var empty = 0;
        using var stop = new CancellationTokenSource();
        var publishing = Task.WhenAll(Enumerable.Range(0, 4).Select(publisher => Task.Run(async () =>
        {
            for (var i = 0; !stop.IsCancellationRequested; i++)
            {
                await AcknowledgedAsync($"{publisher}-{i}");
            }
        })));

        for (var round = 0; round < 3; round++)
        {
            await MoreAsync(200);
            var leader = await LeaderAsync(async () => (await _js.GetStreamAsync("S")).Info.Cluster);
            leader.Pause();
            await MoreAsync(200);
            leader.Resume();
            await Eventually.HoldsAsync(
                async () => (await _js.GetStreamAsync("S")).Info.Cluster!.Replicas!.All(replica => !replica.Offline && replica.Current),
                "the paused server has caught up");
        }

        await stop.CancelAsync();
        await publishing;
        var stored = await StoredAsync();
        output.WriteLine($"{acknowledged.Count} acknowledged, {empty} acknowledgements without a sequence, {stored.Count} stored");

        Assert.Empty(acknowledged.Except(stored));

        async Task AcknowledgedAsync(string message)
        {
            for (var attempt = 0; attempt < 20; attempt++)
            {
                try
                {
                    var ack = await _js.PublishAsync("s.a", message, opts: new NatsJSPubOpts { MsgId = message });
                    if (ack is { Error: null, Seq: > 0 })
                    {
                        acknowledged.Add(message);
                        return;
                    }

                    _ = ack.Error is null ? Interlocked.Increment(ref empty) : 0;
                }
                catch (NatsException)
                {
                    // Not known whether stored; asked again under the same id.
                }
            }
        }

        Task MoreAsync(int count)
        {
            var before = acknowledged.Count;
            return Eventually.HoldsAsync(() => acknowledged.Count >= before + count, "publishing goes on");
        }
    }

    [Fact]
    public async Task A_pull_goes_on_when_the_leader_of_its_consumer_is_killed()
    {
        var consumer = await AnsweredAsync(() => _js.CreateOrUpdateConsumerAsync("S", new ConsumerConfig("C") { AckWait = TimeSpan.FromSeconds(2) }));
        var seen = new HashSet<int>();
        using var cancel = new CancellationTokenSource();
        var opts = new NatsJSConsumeOpts { MaxMsgs = 10, Expires = TimeSpan.FromSeconds(4), IdleHeartbeat = TimeSpan.FromSeconds(1), MaxConsecutive503Errors = -1 };
        var consuming = Task.Run(async () =>
        {
            await foreach (var msg in consumer.ConsumeAsync<int>(opts: opts, cancellationToken: cancel.Token))
            {
                lock (seen)
                {
                    seen.Add(msg.Data);
                }

                await msg.AckAsync();
            }
        });
        await PublishAsync(0, 50);
        await SeenAsync(50);

        await (await LeaderAsync(async () => (await _js.GetConsumerAsync("S", "C")).Info.Cluster)).KillAsync();
        await PublishAsync(50, 100);
        await SeenAsync(100);

        await cancel.CancelAsync();
        await consuming;

        async Task SeenAsync(int count) => await Eventually.HoldsAsync(() => { lock (seen) { return seen.Count == count; } }, $"{count} messages have come");
    }

    [Fact]
    public async Task A_bucket_with_three_replicas_outlives_its_leader()
    {
        var store = await AnsweredAsync(() => _nats.CreateKeyValueStoreContext().CreateStoreAsync(new NatsKVConfig("B") { NumberOfReplicas = Size }));
        var revision = await AnsweredAsync(() => store.PutAsync("k", "1"));

        await (await LeaderAsync(async () => (await store.GetStatusAsync()).Info.Cluster)).KillAsync();

        await Eventually.HoldsAsync(async () => (await store.GetEntryAsync<string>("k")).Value == "1", "the value is read");
        await Eventually.HoldsAsync(async () => (await store.TryUpdateAsync("k", "2", revision)).Success || (await store.GetEntryAsync<string>("k")).Value == "2", "the value is changed");
    }

    private async Task<List<string>> StoredAsync()
    {
        var stream = await AnsweredAsync(() => _js.GetStreamAsync("S"));
        var stored = new List<string>();
        for (var sequence = stream.Info.State.FirstSeq; sequence <= stream.Info.State.LastSeq; sequence++)
        {
            var wanted = sequence;
            stored.Add(Encoding.UTF8.GetString((await AnsweredAsync(() => stream.GetAsync(new StreamMsgGetRequest { Seq = wanted }))).Message.Data.Span));
        }

        return stored;
    }

    private async Task PublishAsync(int from, int to)
    {
        for (var i = from; i < to; i++)
        {
            var id = i;
            await Eventually.HoldsAsync(async () => (await _js.PublishAsync("s.a", id, opts: new NatsJSPubOpts { MsgId = $"{id}" })).Error is null, $"{id} is stored");
        }
    }

    private async Task<NatsServer> LeaderAsync(Func<Task<ClusterInfo?>> group)
    {
        string? name = null;
        await Eventually.HoldsAsync(async () => (name = (await group())?.Leader) is { Length: > 0 }, "the group has a leader");
        return _servers[int.Parse(name![1..])];
    }

    // Requests to a cluster that elects a leader may get no answer.
    private async Task<T> AnsweredAsync<T>(Func<ValueTask<T>> ask)
    {
        var answers = new List<T>();
        await Eventually.HoldsAsync(
            async () =>
            {
                answers.Add(await ask());
                return true;
            },
            () => $"the cluster answers; its servers wrote:\n{string.Join("\n\n", _servers.Select(server => server.Log))}");
        return answers[^1];
    }
}
