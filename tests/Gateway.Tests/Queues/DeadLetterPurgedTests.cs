using System.Net;
using Connectors.Streams.Records;
using NATS.Client.Core;

namespace Connectors.Gateway.Tests.Queues;

/// <summary>A letter that was put back and not removed, and whose call was purged before it was put back again.</summary>
public sealed class DeadLetterPurgedTests(QueueFixture fixture) : IClassFixture<QueueFixture>
{
    private readonly TestGateway _gateway = fixture.Gateway;

    // The stream knows the id of a message that was purged from it.
    [Theory]
    [InlineData("", "redrive", null)]
    [InlineData("?function=echo", "redrive", null)]
    [InlineData("", "edit", "otherwise")]
    public async Task R14_a_letter_whose_call_was_purged_after_a_redrive_that_left_the_letter_stays_and_is_not_told_as_put_back(string purged, string then, string? body)
    {
        var seed = await new DeadLetterSeed(fixture.Stored.JetStream, "q" + Guid.NewGuid().ToString("N")[..8]).CreateAsync();
        var call = DeadLetterSeed.Call();
        var seq = await seed.DeadAsync(call);
        await seed.PublishAsync(
            StreamNames.CallSubject(seed.Queue, Priority.Normal, call.FunctionName),
            [],
            new NatsHeaders { [EnvelopeCodec.HeaderName] = EnvelopeCodec.Encode(call with { Redrive = 1, Attempt = 1 }), ["Nats-Msg-Id"] = StreamNames.RedriveMessageId(call.DeliveryId, 1) });
        await _gateway.SystemAsync(HttpMethod.Delete, $"queues/{seed.Queue}/calls{purged}");
        Assert.Equal(0, await seed.CountAsync(StreamNames.Calls(seed.Queue)));

        var answer = await _gateway.SystemAsync(HttpMethod.Post, $"queues/{seed.Queue}/dead/{seq}/{then}", body is null ? null : new { body }, HttpStatusCode.ServiceUnavailable);

        Assert.Contains("purged since", answer, StringComparison.Ordinal);
        Assert.Equal(1, await seed.CountAsync(StreamNames.Dead(seed.Queue)));
    }
}
