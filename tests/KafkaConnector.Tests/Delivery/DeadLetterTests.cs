using Confluent.Kafka;
using Connectors.Kafka.Ordering;
using Connectors.Kafka.Settling;
using Connectors.Sdk.Events;
using Connectors.Sdk.Invocation;
using Connectors.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Connectors.Kafka.Tests.Delivery;

public class DeadLetterTests
{
    [Fact]
    public async Task Letters_that_are_on_their_way_when_the_credentials_change_come_to_an_end()
    {
        using var secrets = new SecretFiles(("user", "alice"), ("password", "old"));
        var options = Scene.Read(new Dictionary<string, string>
        {
            ["topics"] = "orders",
            ["broker_hosts"] = $"127.0.0.1:{FreePort.Next()}",
            ["username_file"] = secrets.Path("user"),
            ["password_file"] = secrets.Path("password"),
            ["on_failure"] = "dead_letter",
            ["kafka_message_timeout_ms"] = "3000",
        });
        using var partition = new AssignedPartition(new TopicPartition("orders", 0), 0, 0);
        await using var letters = new DeadLetters(options, TimeProvider.System, NullLogger<DeadLetters>.Instance);

        var first = WriteAsync(letters, partition, 1);
        await File.WriteAllTextAsync(secrets.Path("password"), "new, and longer");
        var second = WriteAsync(letters, partition, 2);

        var written = await Task.WhenAll(first, second).WaitAsync(Eventually.Patience);
        Assert.DoesNotContain(true, written);
    }

    // As of an idempotent producer that may not write, until it may.
    [Fact]
    public async Task After_an_error_that_a_producer_does_not_survive_letters_are_written_by_another_one()
    {
        using var kafka = MockKafka.Start();
        kafka.CreateTopic("orders.dead");
        var options = Scene.Read(new Dictionary<string, string>
        {
            ["topics"] = "orders",
            ["broker_hosts"] = kafka.BootstrapServers,
            ["on_failure"] = "dead_letter",
            ["kafka_enable_idempotence"] = "true",
            ["kafka_message_timeout_ms"] = "3000",
        });
        using var partition = new AssignedPartition(new TopicPartition("orders", 0), 0, 0);
        await using var letters = new DeadLetters(options, TimeProvider.System, NullLogger<DeadLetters>.Instance);

        // To its request for a producer's id (22) the broker says that the cluster is not for us (31).
        kafka.Fail(22, 31);
        Assert.False(await WriteAsync(letters, partition, 1).WaitAsync(Eventually.Patience));

        await Eventually.HoldsAsync(() => WriteAsync(letters, partition, 1), "it is written");
        Assert.Single(Clients.ReadAll(kafka.BootstrapServers, "orders.dead", 1));
    }

    private static Task<bool> WriteAsync(DeadLetters letters, AssignedPartition partition, long offset)
    {
        var message = new Message<byte[]?, byte[]?> { Value = "x"u8.ToArray() };
        var record = new InFlight
        {
            Partition = partition,
            Offset = offset,
            Lane = null,
            Message = message,
            Event = new Event { Id = $"{offset}", Topic = "orders" },
            Identity = default,
            ReadAt = 0,
            Bytes = 1,
        };
        return letters.TryPublishAsync(record, new Outcome { Kind = OutcomeKind.Failed, Status = 500 }, 1, CancellationToken.None);
    }
}
