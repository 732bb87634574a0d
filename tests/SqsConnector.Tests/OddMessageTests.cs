using System.Globalization;
using Amazon.SQS.Model;
using Connectors.Testing;
using CsCheck;
using Microsoft.AspNetCore.Http;

namespace Connectors.Sqs.Tests;

/// <summary>
/// Odd messages, generated, through a running connector: each is taken or ends in the dead-letter queue, and innocent ones beside them always flow.
/// GENERATED_CASES says how many.
/// </summary>
public class OddMessageTests(QueueServer server)
{
    private static readonly int Cases = int.Parse(Environment.GetEnvironmentVariable("GENERATED_CASES") ?? "200", CultureInfo.InvariantCulture);

    private static readonly Gen<string> AnyText = Gen.OneOf(Gen.String, Gen.String[Gen.Char[' ', '~'], 0, 40], One("", "a\r\nX-Injected: 1", "\u4e16\u754c", "\0", "\ud800", " ", "%0D%0A"));

    private static readonly Gen<string> Name = Gen.OneOf(
        Gen.String[Gen.Char.AlphaNumeric, 1, 20],
        One(
            "event", "event-Type", "event-Type-Type", "Header-event", "Foo", "foo", "Content-Type", "content-type", "traceparent", "X-Call-Id", "Host", "Connection",
            "Transfer-Encoding", "a b", "a:b", "gr\u00fc\u00dfe", "a\r\nX-Injected", "-", "_", "a.b"),
        AnyText);

    private static readonly Gen<MessageAttributeValue> Attribute = Gen.OneOf(
        Gen.Select(One("String", "String.json", "String.\u00fc", "Number", "Number.int", "string", ""), AnyText, (type, value) => new MessageAttributeValue { DataType = type, StringValue = value }),
        Gen.Select(One("Number", "Number.float"), Gen.Double, (type, value) => new MessageAttributeValue { DataType = type, StringValue = value.ToString("R", CultureInfo.InvariantCulture) }),
        Gen.Select(One("Binary", "Binary.png"), Gen.Byte.Array[0, 64], (type, value) => new MessageAttributeValue { DataType = type, BinaryValue = new MemoryStream(value) }),
        Gen.Int[1_000, 60_000].Select(length => new MessageAttributeValue { DataType = "String", StringValue = new string('x', length) }));

    private static readonly Gen<Odd> Message = Gen.Select(
        Gen.Frequency((10, AnyText), (1, Gen.Int[1, 200_000].Select(length => new string('b', length)))),
        Gen.Dictionary(Name, Attribute)[0, 10],
        Gen.Frequency((3, Gen.Const(() => (string?)null)), (1, Gen.String[Gen.Char['!', '~'], 1, 128].Select(s => (string?)s))),
        (body, attributes, group) => new Odd(body, attributes, group));

    [Fact]
    public Task Each_has_its_end_and_innocent_ones_flow() => Message.Array[Cases].SampleAsync(RunAsync, iter: 1, threads: 1);

    private async Task RunAsync(Odd[] odd)
    {
        var (dead, deadFifo) = (await server.CreateAsync("odd-dead"), await server.CreateAsync("odd-dead", isFifo: true));
        var (queue, fifo, innocent) = (await server.CreateAsync("odd", false, dead, 2), await server.CreateAsync("odd", true, deadFifo, 2), await server.CreateAsync("innocent"));
        await using var gateway = await GatewayServer.StartAsync(
            ListedFunction.Wanting(queue, "odd"), ListedFunction.Wanting(fifo, "odd"), ListedFunction.Wanting(innocent, "innocent"));
        gateway.Answer = (request, http) =>
        {
            http.Response.StatusCode = request.Path.Contains("innocent", StringComparison.Ordinal) ? 200 : StatusOf(request.Header("Idempotency-Key")!);
            return Task.CompletedTask;
        };
        await using var connector = await Running.StartAsync(
            gateway, ("queue_url", string.Join(',', server.Url(queue), server.Url(fifo), server.Url(innocent))), ("visibility_timeout", "10s"), ("on_failure", "release"), ("max_retry_wait", "1s"));

        var (sent, innocents) = (new List<string>(), 0);
        foreach (var (i, message) in odd.Index())
        {
            if (await SendAsync(message.Group is null ? queue : fifo, message) is { } id)
            {
                sent.Add(id);
            }

            if (i % 10 == 0)
            {
                await server.SendAsync(innocent, $"{innocents++}");
                await gateway.ReceivesAsync(innocents, call => call.Path.Contains("innocent", StringComparison.Ordinal));
            }
        }

        Assert.True(sent.Count > odd.Length / 4, $"the server took {sent.Count} of {odd.Length}");
        await server.IsEmptyAsync(queue);
        await server.IsEmptyAsync(fifo);
        var ended = gateway.Calls.Where(c => StatusOf(c.Header("Idempotency-Key")!) == 200).Select(c => c.Header("Idempotency-Key")!).Concat(await DrainAsync(dead)).Concat(await DrainAsync(deadFifo));
        Assert.Empty(sent.Except(ended));
        Assert.DoesNotContain(gateway.Calls, call => call.Header("X-Injected") is not null);
        Assert.DoesNotContain(connector.Lines, line => line.Contains("Event source failed", StringComparison.Ordinal));
        await server.SendAsync(innocent, "last");
        await gateway.ReceivesAsync(1, call => call.Text == "last");
    }

    private static Gen<T> One<T>(params T[] of) => Gen.Int[0, of.Length - 1].Select(i => of[i]);

    // A tenth fails for good, a tenth is hopeless.
    private static int StatusOf(string id) => (id[^1] % 10) switch { 0 => StatusCodes.Status500InternalServerError, 1 => StatusCodes.Status413PayloadTooLarge, _ => StatusCodes.Status200OK };

    // Null if SQS does not take it.
    private async Task<string?> SendAsync(string queue, Odd message)
    {
        try
        {
            var response = await server.Client.SendMessageAsync(new SendMessageRequest
            {
                QueueUrl = server.Url(queue),
                MessageBody = message.Body,
                MessageGroupId = message.Group,
                MessageDeduplicationId = message.Group is null ? null : Guid.NewGuid().ToString(),
                MessageAttributes = message.Attributes,
            });
            return response.MessageId;
        }
        catch (Exception refusal) when (refusal is Amazon.Runtime.AmazonServiceException or Amazon.Runtime.AmazonClientException)
        {
            return null;
        }
    }

    private async Task<List<string>> DrainAsync(string queue)
    {
        var ids = new List<string>();
        while ((await server.CountAsync(queue)).Visible > 0)
        {
            var response = await server.Client.ReceiveMessageAsync(new ReceiveMessageRequest { QueueUrl = server.Url(queue), MaxNumberOfMessages = 10 });
            foreach (var message in response.Messages ?? [])
            {
                ids.Add(message.MessageId);
                await server.Client.DeleteMessageAsync(server.Url(queue), message.ReceiptHandle);
            }
        }

        return ids;
    }

    private sealed record Odd(string Body, Dictionary<string, MessageAttributeValue> Attributes, string? Group);
}
