using System.Collections.Concurrent;
using System.Globalization;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using Connectors.Testing;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Connectors.Cron.Tests.Ticking;

/// <summary>
/// Takes every call out of the queue as a worker would, so that the broker forgets those that are done, and writes down which tick each is for. What the
/// broker delivers twice after a restart is told apart by its delivery id: that is its doing, not the connector's.
/// </summary>
internal sealed class QueueLedger(NatsServer nats) : IAsyncDisposable
{
    private readonly NatsConnection _connection = new(new NatsOpts
    {
        Url = nats.Url,
        MaxReconnectRetry = -1,
        ReconnectWaitMin = TimeSpan.FromMilliseconds(100),
        ReconnectWaitMax = TimeSpan.FromMilliseconds(500),
    });

    private readonly ConcurrentDictionary<string, DateTimeOffset> _ticks = new();
    private readonly CancellationTokenSource _end = new();
    private Task _taking = Task.CompletedTask;

    /// <summary>The tick of each call that was stored, once for each delivery id.</summary>
    public IReadOnlyCollection<DateTimeOffset> Ticks => [.. _ticks.Values.Order()];

    public void Start() => _taking = TakeAsync();

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _taking;
        await _connection.DisposeAsync();
        _end.Dispose();
    }

    private async Task TakeAsync()
    {
        var context = new NatsJSContext(_connection);
        while (!_end.IsCancellationRequested)
        {
            try
            {
                var consumer = await context.CreateOrUpdateConsumerAsync(
                    StreamNames.Calls(StreamNames.DefaultQueue), new ConsumerConfig("ledger") { AckPolicy = ConsumerConfigAckPolicy.Explicit }, _end.Token);
                await foreach (var message in consumer.ConsumeAsync<byte[]>(cancellationToken: _end.Token))
                {
                    Note(message.Headers?[EnvelopeCodec.HeaderName].ToString());
                    await message.AckAsync(cancellationToken: _end.Token);
                }
            }
            catch (Exception) when (!_end.IsCancellationRequested)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System, CancellationToken.None);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private void Note(string? header)
    {
        if (EnvelopeCodec.TryDecode(header, out _) is { } envelope)
        {
            _ticks[envelope.DeliveryId] = DateTimeOffset.Parse(envelope.Headers.Single(h => h.Is("X-Cron-Due")).Value, CultureInfo.InvariantCulture);
        }
    }
}
