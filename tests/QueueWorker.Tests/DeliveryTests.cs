using System.Text;
using Connectors.Sdk.Hosting;
using Connectors.Streams.Nats;
using Microsoft.Extensions.Logging.Abstractions;

namespace Connectors.QueueWorker.Tests;

public sealed class DeliveryTests
{
    private readonly AckSender _acks = new(new NatsLink(
        new NatsOptions { Host = "127.0.0.1", Port = 1, Access = new BrokerAccess(), HostOption = "nats_host" },
        new NatsRole("test", IsNeeded: true, () => { }),
        new Readiness(),
        TimeProvider.System,
        NullLoggerFactory.Instance), TimeProvider.System);

    [Theory]
    [InlineData("NATS/1.0\r\nno colon here\r\n\r\n")]
    [InlineData("NATS/1.0\r\n: no name\r\n\r\n")]
    [InlineData("NATS/1.0 503 odd\r\nEnvelope: {}\r\n\r\n")]
    [InlineData("NATS/9.9\r\n\r\n")]
    [InlineData("NATS/1.0\r\nEnvelope: \u00ff\u00fe\r\n\r\n")]
    [InlineData("\r\n\r\n")]
    [InlineData("NATS/1.0\r\nA: b")]
    [InlineData("")]
    public void A_message_with_headers_that_no_client_writes_is_a_delivery_without_envelope(string headers)
    {
        var address = DeliveryAddress.Read("$JS.ACK.stream.consumer.1.5.5.1700000000000000000.0");

        var delivery = new Delivery(_acks, address!.Value, made: null, "q.call.normal.ns.fn", Encoding.Latin1.GetBytes(headers), default);

        Assert.Null(delivery.Envelope);
        Assert.NotEmpty(delivery.EnvelopeError);
        Assert.NotNull(delivery.Headers.ToList());
    }

    [Theory]
    [InlineData("NATS/1.0\r\nEnvelope: {\"v\":2,\"callId\":7}\r\n\r\n")]
    [InlineData("NATS/1.0\r\nenvelope: {}\r\nEnvelope:{\"v\":2}\r\n\r\n")]
    public void A_message_of_a_newer_version_is_one_whatever_its_shape(string headers)
    {
        var address = DeliveryAddress.Read("$JS.ACK.stream.consumer.1.5.5.1700000000000000000.0");

        var delivery = new Delivery(_acks, address!.Value, made: null, "q.call.normal.ns.fn", Encoding.Latin1.GetBytes(headers), default);

        Assert.Equal(2, delivery.Envelope?.Version);
    }
}
