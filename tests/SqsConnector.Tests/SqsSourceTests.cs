using Amazon.SQS.Model;
using Connectors.Sdk.Hosting;
using Connectors.Testing;
using Microsoft.AspNetCore.Builder;

namespace Connectors.Sqs.Tests;

/// <summary>What every event source promises, over a standard queue.</summary>
public class SqsSourceTests(QueueServer server) : EventSourceContract
{
    private string _queue = "";

    protected override string Topic => _queue;

    protected virtual bool IsFifo => false;

    [Fact]
    public Task What_no_function_wants_stays_for_the_next() => CheckUnwantedStaysAsync();

    public override async ValueTask InitializeAsync()
    {
        _queue = await server.CreateAsync("contract", IsFifo);
        await base.InitializeAsync();
    }

    // Renewed each second, a message stays hidden though the machine is slow. Not for longer: what went to a poll that a short grace period cut comes again
    // only after that time.
    protected override void Register(WebApplicationBuilder builder, ConnectorOptions options) => Running.Register(builder, Running.Options(
        ("queue_url", server.Url(_queue)),
        ("wait_time", "1s"),
        ("visibility_timeout", "20s"),
        ("visibility_renewal", "1s"),
        ("initial_retry_wait", "1s"),
        ("max_retry_wait", "1s")) with
    { Connector = options });

    protected override Task<string> HappenAsync(string key, byte[] body) =>
        server.SendAsync(_queue, System.Text.Encoding.UTF8.GetString(body), IsFifo ? key : null);

    // SQS takes only text for bodies, but an attribute may hold what no header can.
    protected override Task HappenBrokenAsync() => server.Client.SendMessageAsync(new SendMessageRequest
    {
        QueueUrl = server.Url(_queue),
        MessageBody = "broken",
        MessageGroupId = IsFifo ? "broken" : null,
        MessageAttributes = new() { ["text"] = new() { DataType = "String", StringValue = "a\r\nX-Injected: 1\r\n\r\n\u4e16" } },
    });
}

/// <summary>What every event source promises, over a FIFO queue: order too.</summary>
public class SqsFifoSourceTests(QueueServer server) : SqsSourceTests(server)
{
    protected override bool IsFifo => true;

    [Fact]
    public Task Events_of_one_key_are_first_delivered_in_order_even_when_some_fail() => CheckOrderAsync();
}
