using System.Text;
using Connectors.RabbitMq.Broker;
using Connectors.RabbitMq.Settling;
using Connectors.Sdk.Events;
using Connectors.Sdk.Invocation;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using RabbitMQ.Client;

namespace Connectors.RabbitMq.Tests;

/// <summary>What a dead letter has of its message, and what not.</summary>
public class DeadLettersTests(SharedBroker broker)
{
    // Over AMQP 0-9-1 the broker takes some of these headers out or refuses them, over other protocols a message may come with any. Written with a list of
    // queues, the letter would go there too; with anything else the broker would end the channel that it is written by.
    [Theory]
    [InlineData("CC", true)]
    [InlineData("CC", false)]
    [InlineData("BCC", true)]
    [InlineData("BCC", false)]
    public async Task A_letter_names_no_queues_that_are_to_have_it_too(string header, bool isList)
    {
        var queue = await broker.CreateAsync("named");
        var options = Running.Options(("rabbitmq_url", broker.Server.Url), ("queues", queue));
        await using var writer = new BrokerWriter(new BrokerDialer(options, new Dialer(TimeProvider.System), TimeProvider.System, NullLogger<BrokerDialer>.Instance));
        var letters = new DeadLetters(options, writer, TimeProvider.System, NullLogger<DeadLetters>.Instance);
        var name = Encoding.UTF8.GetBytes(queue);
        var headers = new Dictionary<string, object?> { [header] = isList ? new List<object?> { name } : name, ["n"] = 7 };
        var content = new QueueMessage(1, false, "", "elsewhere", new MessageProperties { Headers = headers }, "x"u8.ToArray());
        var message = new RabbitMqMessage(new Event { Id = "1", Topic = queue }, content, null!, null!, null!, 0, null!);

        Assert.True(await letters.TryWriteAsync(message, new Outcome { Kind = OutcomeKind.Failed, Status = 400 }, 1, CancellationToken.None));

        await broker.Client.HoldsAsync(queue, 0);
        await broker.Client.HoldsAsync(queue + ".dead", 1);
        var letter = (await broker.Client.TakeAsync(queue + ".dead"))!.BasicProperties;
        Assert.DoesNotContain(header, letter.Headers!.Keys);
        Assert.Equal(7, letter.Headers["n"]);
    }

    // The broker copies whatever is published to the queues that it names there, letters too.
    [Fact]
    public async Task A_message_that_came_as_a_copy_dies_once_and_its_letter_is_copied_to_nobody()
    {
        var (queue, other) = (await broker.CreateAsync("copied"), await broker.CreateAsync("original"));
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        gateway.Answer = (_, http) =>
        {
            http.Response.StatusCode = StatusCodes.Status400BadRequest;
            return Task.CompletedTask;
        };
        await using (var connector = await Running.StartAsync(gateway, broker.Server.Url, queue))
        {
            await broker.Client.SendAsync(other, "never", new BasicProperties { Headers = new Dictionary<string, object?> { ["CC"] = new List<object> { queue }, ["n"] = 7 } });
            await broker.Client.HoldsAsync(other, 1);
            await Eventually.HoldsAsync(async () => await connector.MetricAsync($"rabbitmq_connector_settled_total{{queue=\"{queue}\",end=\"dead_letter\"}}") >= 1, "it dies");
        }

        await broker.Client.IsEmptyAsync(queue);
        await broker.Client.HoldsAsync(queue + ".dead", 1);
        Assert.Equal("never", Assert.Single(gateway.Calls).Text);
        var letter = (await broker.Client.TakeAsync(queue + ".dead"))!.BasicProperties;
        Assert.Equal((other, 7), (Text(letter, "X-Dead-Routing-Key"), letter.Headers!["n"]));
        Assert.DoesNotContain("CC", letter.Headers.Keys);
    }

    [Fact]
    public async Task A_dead_letter_whose_headers_fit_into_no_frame_is_written_without_them()
    {
        var queue = await broker.CreateAsync("framed");
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        gateway.Answer = (_, http) =>
        {
            http.Response.StatusCode = StatusCodes.Status400BadRequest;
            return Task.CompletedTask;
        };
        await using var connector = await Running.StartAsync(gateway, broker.Server.Url, queue);

        await broker.Client.SendAsync(queue, "large", new BasicProperties { Type = "order", Headers = new Dictionary<string, object?> { ["large"] = new string('x', 130_950) } });

        await broker.Client.HoldsAsync(queue + ".dead", 1);
        var letter = await broker.Client.TakeAsync(queue + ".dead");

        // One header is the client's own, by which it tells confirmations apart.
        Assert.Equal(("large", "order", "headers=2"), (Encoding.UTF8.GetString(letter!.Body.Span), letter.BasicProperties.Type, Text(letter.BasicProperties, "X-Dead-Dropped")));
        Assert.DoesNotContain("large", letter.BasicProperties.Headers!.Keys);
        Assert.Equal(1, await connector.MetricAsync($"rabbitmq_connector_dead_letters_reduced_total{{queue=\"{queue}\"}}"));
        Assert.Single(gateway.Calls);
    }

    // As it is written, what is no UTF-8 is three times as long as it was, and longer than AMQP has names and texts.
    [Theory]
    [InlineData(true, "headers=1")]
    [InlineData(false, "headers=0 properties")]
    public async Task A_dead_letter_whose_texts_would_be_longer_than_any_is_written_without_them(bool isHeader, string dropped)
    {
        const byte length = 200;
        var queue = await broker.CreateAsync("no-text");
        await (isHeader ? RawClient.SendHeaderNameAsync(broker.Server.Port, queue, length) : RawClient.SendCorrelationIdAsync(broker.Server.Port, queue, length));
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        gateway.Answer = (_, http) =>
        {
            http.Response.StatusCode = StatusCodes.Status500InternalServerError;
            return Task.CompletedTask;
        };
        await using (var connector = await Running.StartAsync(gateway, broker.Server.Url, queue, ("max_retry_attempts", "1")))
        {
            await broker.Client.HoldsAsync(queue + ".dead", 1);
            await Eventually.HoldsAsync(async () => await connector.MetricAsync($"rabbitmq_connector_settled_total{{queue=\"{queue}\",end=\"dead_letter\"}}") == 1, "it is told");
            Assert.Equal(1, await connector.MetricAsync($"rabbitmq_connector_dead_letters_reduced_total{{queue=\"{queue}\"}}"));
        }

        await broker.Client.IsEmptyAsync(queue);
        var letter = await broker.Client.TakeAsync(queue + ".dead");
        Assert.Equal(("x", dropped, "500"), (Encoding.UTF8.GetString(letter!.Body.Span), Text(letter.BasicProperties, "X-Dead-Dropped"), Text(letter.BasicProperties, "X-Dead-Status")));
        Assert.Single(gateway.Calls);
    }

    private static string Text(IReadOnlyBasicProperties properties, string name) => Encoding.UTF8.GetString((byte[])properties.Headers![name]!);
}
