using Connectors.Streams.Nats;
using Connectors.Testing;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Connectors.Streams.Tests.Nats;

/// <summary>The list of all streams, of some of which nobody may tell.</summary>
public sealed class StreamListTests
{
    // More than a server tells of in one answer.
    private const int Many = 300;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    // One that is stopped says so to the others, who list its streams as empty ones; one that is killed does not answer.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_stream_whose_server_is_away_is_no_empty_one_and_not_gone(bool killed)
    {
        await using var cluster = await NatsCluster.StartAsync(TestLink.TryReplicasAsync, config: server => $"server_tags: [\"s{server}\"]");
        await using var link = await TestLink.OpenAsync(cluster.Servers[0]);
        await MakeAsync(link, "here", server: 0);
        await MakeAsync(link, "away", server: 1);

        await (killed ? cluster.Servers[1].KillAsync() : cluster.Servers[1].StopAsync());
        var list = await Eventually.GetAsync(async () => await StreamList.ReadAsync(link.Link, Ct) is var now && now.Missing.Contains("OF_away") ? now : null, "nobody tells of it");

        Assert.Equal(["OF_here"], list.Streams.Keys);
        Assert.Equal(["away", "here"], list.Queues);
        Assert.Equal(1, list.MessagesOf("OF_here"));
        Assert.Null(list.MessagesOf("OF_away"));
        Assert.Equal(0, list.MessagesOf("OF_none"));
        await cluster.Servers[1].StartAgainAsync();
        await Eventually.HoldsAsync(async () => (await StreamList.ReadAsync(link.Link, Ct)).MessagesOf("OF_away") == 1, "it is told of again");
    }

    [Fact]
    public async Task All_are_listed_however_many()
    {
        await using var server = await NatsServer.StartAsync();
        await using var link = await TestLink.OpenAsync(server);
        var names = Enumerable.Range(0, Many).Select(i => $"S{i}").Order(StringComparer.Ordinal).ToList();
        foreach (var name in names)
        {
            await link.Link.JetStream.CreateStreamAsync(new StreamConfig(name, [name]) { Storage = StreamConfigStorage.Memory }, Ct);
        }

        var list = await StreamList.ReadAsync(link.Link, Ct);

        Assert.Equal(names, list.Streams.Keys.Order(StringComparer.Ordinal));
        Assert.Empty(list.Missing);
    }

    // One that ended without a word would be taken for all of it.
    [Fact]
    public async Task A_list_that_is_given_up_says_so()
    {
        await using var server = await NatsServer.StartAsync();
        await using var link = await TestLink.OpenAsync(server);
        await link.Link.JetStream.CreateStreamAsync(new StreamConfig("S", ["s"]), Ct);
        using var over = new CancellationTokenSource();
        await over.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await CountAsync(link.Link.JetStream.ListConsumersAsync("S", over.Token)));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => StreamList.ReadAsync(link.Link, over.Token));
    }

    private static async Task<int> CountAsync(IAsyncEnumerable<INatsJSConsumer> consumers)
    {
        var count = 0;
        await foreach (var consumer in consumers)
        {
            count += consumer.Info.Name.Length > 0 ? 1 : 0;
        }

        return count;
    }

    private static Task MakeAsync(TestLink link, string queue, int server) => Eventually.HoldsAsync(
        async () =>
        {
            var js = link.Link.JetStream;
            await js.CreateOrUpdateStreamAsync(new StreamConfig($"OF_{queue}", [queue]) { Placement = new Placement { Tags = [$"s{server}"] } }, Ct);
            await js.PublishAsync(queue, "x", opts: new NatsJSPubOpts { MsgId = "one" }, cancellationToken: Ct);
            return (await js.GetStreamAsync($"OF_{queue}", cancellationToken: Ct)).Info.State.Messages == 1;
        },
        $"{queue} has its stream on server {server}");
}
