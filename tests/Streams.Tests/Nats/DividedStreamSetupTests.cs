using Connectors.Streams.Nats;
using Connectors.Testing;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Connectors.Streams.Tests.Nats;

[Collection(nameof(ThreeServers))]
public sealed class DividedStreamSetupTests(ThreeServers cluster)
{
    private readonly string _name = $"S{Guid.NewGuid():N}";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    // What a leader that is cut off says of a consumer and a stream need not be so: the others may have gone on. Here it is so, which shows once they hear each other.
    [Fact]
    public async Task A_consumer_is_made_anew_only_by_what_leaders_say_that_are_followed()
    {
        var (time, lines) = (new FakeTimeProvider(), new Lines());
        await using var link = await TestLink.OpenAsync(cluster.Nats.Servers[0]);
        var setup = new StreamSetup(link.Link, time, lines.CreateLogger<StreamSetup>());
        var wanted = new ConsumerConfig("c") { FilterSubject = $"{_name}.>", AckPolicy = ConsumerConfigAckPolicy.Explicit, AckWait = TimeSpan.FromSeconds(30) };
        await MadeAsync(link.Link.JetStream, wanted with { DeliverPolicy = ConsumerConfigDeliverPolicy.ByStartSequence, OptStartSeq = 10 });
        await LeadAsync(link.Link, $"STREAM.LEADER.STEPDOWN.{_name}", async () => (await link.Link.JetStream.GetStreamAsync(_name, cancellationToken: Ct)).Info.Cluster);
        await LeadAsync(link.Link, $"CONSUMER.LEADER.STEPDOWN.{_name}.c", async () => (await link.Link.JetStream.GetConsumerAsync(_name, "c", Ct)).Info.Cluster);

        cluster.Nats.Servers[1].Pause();
        cluster.Nats.Servers[2].Pause();
        await Eventually.HoldsAsync(
            async () => (await link.Link.JetStream.GetConsumerAsync(_name, "c", Ct)).Info.Cluster?.Replicas?.All(other => other.Active > TimeSpan.FromSeconds(4)) == true, "nobody was heard for a while");
        for (var look = 0; look < 3; look++)
        {
            await setup.EnsureConsumerAsync(_name, wanted, isFirst: false, Ct);
            time.Advance(TimeSpan.FromSeconds(5));
        }

        Assert.Empty(lines.All);
        cluster.Nats.Servers[1].Resume();
        cluster.Nats.Servers[2].Resume();
        await cluster.WholeAsync();

        await Eventually.HoldsAsync(
            async () =>
            {
                time.Advance(TimeSpan.FromSeconds(5));
                await setup.EnsureConsumerAsync(_name, wanted, isFirst: false, Ct);
                return lines.All.Any(line => line.Contains("remembers more", StringComparison.Ordinal));
            },
            "it is made anew");
    }

    private Task MadeAsync(INatsJSContext js, ConsumerConfig consumer) => Eventually.HoldsAsync(
        async () =>
        {
            await js.CreateOrUpdateStreamAsync(new StreamConfig(_name, [$"{_name}.>"]) { NumReplicas = 3 }, Ct);
            return await js.CreateOrUpdateConsumerAsync(_name, consumer, Ct) is not null;
        },
        "stream and consumer are made");

    // Server 0 is the one that the link is connected to.
    private static Task LeadAsync(NatsLink link, string stepDown, Func<Task<ClusterInfo?>> group) => Eventually.HoldsAsync(
        async () =>
        {
            if ((await group())?.Leader == "n0")
            {
                return true;
            }

            await link.Connection.RequestAsync<string>("$JS.API." + stepDown, cancellationToken: Ct);
            return false;
        },
        $"server 0 leads, after {stepDown}");
}
