using System.Net.Sockets;

namespace Connectors.Testing.Tests;

public class MockKafkaTests
{
    [Fact]
    public async Task Has_the_brokers_and_topics_asked_for()
    {
        using var kafka = MockKafka.Start(brokers: 3);
        kafka.CreateTopic("orders", partitions: 2, replicas: 3);
        kafka.MoveLeader("orders", 0, 3);
        kafka.MoveLeader("orders", 1, null);

        var servers = kafka.BootstrapServers.Split(',');
        var metadata = await KafkaMetadata.AskAsync(servers[0]);

        Assert.Equal(3, servers.Length);
        Assert.Equal(servers.Select(server => int.Parse(server.Split(':')[1])).Order(), metadata.Ports.Order());
        Assert.Equal([3, -1], metadata.Leaders["orders"]);
    }

    [Fact]
    public async Task A_broker_goes_and_comes_back()
    {
        using var kafka = MockKafka.Start();
        await KafkaMetadata.AskAsync(kafka.BootstrapServers);

        kafka.StopBroker(1);
        await Assert.ThrowsAsync<SocketException>(() => KafkaMetadata.AskAsync(kafka.BootstrapServers));
        kafka.StartBroker(1);

        Assert.Single((await KafkaMetadata.AskAsync(kafka.BootstrapServers)).Ports);
    }

    [Fact]
    public async Task The_next_requests_of_a_kind_fail_as_told()
    {
        using var kafka = MockKafka.Start();
        kafka.Fail(KafkaRequest.ApiVersions, 35, -195);

        Assert.Equal([0, 35], (await KafkaRequest.SendAsync(kafka.BootstrapServers, KafkaRequest.ApiVersions, []))[..2]);
        await Assert.ThrowsAnyAsync<IOException>(() => KafkaRequest.SendAsync(kafka.BootstrapServers, KafkaRequest.ApiVersions, []));
        Assert.Equal([0, 0], (await KafkaRequest.SendAsync(kafka.BootstrapServers, KafkaRequest.ApiVersions, []))[..2]);
    }

    [Fact]
    public void An_unknown_broker_is_refused()
    {
        using var kafka = MockKafka.Start();

        Assert.Throws<InvalidOperationException>(() => kafka.StopBroker(9));
    }
}
