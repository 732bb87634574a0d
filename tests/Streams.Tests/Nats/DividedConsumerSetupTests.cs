using Connectors.Streams.Nats;
using Connectors.Testing;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Connectors.Streams.Tests.Nats;

[Collection(nameof(ThreeServers))]
public sealed class DividedConsumerSetupTests(ThreeServers cluster)
{
    private const int Tries = 5;

    private readonly string _name = $"S{Guid.NewGuid():N}";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    // What a leader that is cut off says of a consumer and a stream need not be so: the others may have gone on. Here it is so, which shows once they hear each other.
    [Fact]
    public async Task A_consumer_is_made_anew_only_by_what_leaders_say_that_are_followed()
    {
        await cluster.HealAsync();
        var (time, lines) = (new FakeTimeProvider(), new Lines());
        await using var link = await TestLink.OpenAsync(cluster.Nats.Servers[0]);
        var streams = new StreamSetup(link.Link, time, lines.CreateLogger<StreamSetup>());
        var setup = new ConsumerSetup(link.Link, streams, time, lines.CreateLogger<ConsumerSetup>());
        var wanted = new ConsumerConfig("c") { FilterSubject = $"{_name}.>", AckPolicy = ConsumerConfigAckPolicy.Explicit, AckWait = TimeSpan.FromSeconds(30) };
        await MadeAsync(link.Link.JetStream, wanted with { DeliverPolicy = ConsumerConfigDeliverPolicy.ByStartSequence, OptStartSeq = 10 });
        for (var again = 1; !await IsLookedAtAloneAsync(link.Link, setup, wanted, time); again++)
        {
            Assert.True(again < Tries, "server 0 answers while it hears nobody");
        }

        Assert.Empty(lines.All);
        await Eventually.HoldsAsync(
            async () =>
            {
                time.Advance(TimeSpan.FromSeconds(5));
                await setup.EnsureAsync(_name, wanted, isFirst: false, Ct);
                return lines.All.Any(line => line.Contains("remembers more", StringComparison.Ordinal));
            },
            "it is made anew");
    }

    // False if server 0 did not answer each time: a leader that hears nobody gives up after some seconds, in which a busy machine may not come to all of it.
    private async Task<bool> IsLookedAtAloneAsync(NatsLink link, ConsumerSetup setup, ConsumerConfig wanted, FakeTimeProvider time)
    {
        await LeadAsync(link, $"STREAM.LEADER.STEPDOWN.{_name}", async () => (await link.JetStream.GetStreamAsync(_name, cancellationToken: Ct)).Info.Cluster);
        await LeadAsync(link, $"CONSUMER.LEADER.STEPDOWN.{_name}.c", async () => (await link.JetStream.GetConsumerAsync(_name, "c", Ct)).Info.Cluster);
        try
        {
            cluster.Nats.Servers[1].Pause();
            cluster.Nats.Servers[2].Pause();
            await Eventually.HoldsAsync(
                async () => (await link.JetStream.GetConsumerAsync(_name, "c", Ct)).Info.Cluster?.Replicas?.All(other => other.Active > TimeSpan.FromSeconds(4)) == true,
                "nobody was heard for a while",
                TimeSpan.FromSeconds(30));
            for (var look = 0; look < 3; look++)
            {
                await setup.EnsureAsync(_name, wanted, isFirst: false, Ct);
                time.Advance(TimeSpan.FromSeconds(5));
            }

            return true;
        }
        catch (Exception fault) when (fault is NatsException or TimeoutException)
        {
            return false;
        }
        finally
        {
            await cluster.HealAsync();
        }
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
