using System.Threading.Channels;
using Connectors.Benchmarks.Whole;
using Connectors.Streams.Records;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Connectors.Benchmarks.Baselines;

/// <summary>Pulls calls, posts each body to the function, acks it: what a worker does at least.</summary>
internal sealed class BareLoop : IAsyncDisposable
{
    private readonly NatsConnection _connection;
    private readonly CancellationTokenSource _stop = new();
    private Task _running = Task.CompletedTask;

    private BareLoop(NatsConnection connection) => _connection = connection;

    /// <param name="target">Addresses of nats-server and the function, with a comma between.</param>
    internal static async Task<BareLoop> StartAsync(string target)
    {
        var (nats, function) = (target.Split(',')[0], new Uri(target.Split(',')[1]));
        var loop = new BareLoop(new NatsConnection(new NatsOpts { Url = nats }));
        var consumer = await new NatsJSContext(loop._connection).CreateOrUpdateConsumerAsync(
            StreamNames.Calls(StreamNames.DefaultQueue), new ConsumerConfig("bare") { AckPolicy = ConsumerConfigAckPolicy.Explicit, MaxAckPending = -1 });
        var calls = Channel.CreateBounded<INatsJSMsg<byte[]>>(Load.Connections);
        loop._running = Task.WhenAll([loop.PullAsync(consumer, calls.Writer), .. Enumerable.Range(0, Load.Connections).Select(_ => loop.CallAsync(function, calls.Reader))]);
        return loop;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _connection.DisposeAsync();
        _stop.Dispose();
    }

    private async Task PullAsync(INatsJSConsumer consumer, ChannelWriter<INatsJSMsg<byte[]>> calls)
    {
        await foreach (var message in consumer.ConsumeAsync<byte[]>(opts: new NatsJSConsumeOpts { MaxMsgs = 2 * Load.Connections }, cancellationToken: _stop.Token))
        {
            await calls.WriteAsync(message, _stop.Token);
        }
    }

    private async Task CallAsync(Uri function, ChannelReader<INatsJSMsg<byte[]>> calls)
    {
        using var http = new HttpMessageInvoker(new SocketsHttpHandler { UseProxy = false, UseCookies = false, ActivityHeadersPropagator = null });
        await foreach (var message in calls.ReadAllAsync(_stop.Token))
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, function) { Content = new ByteArrayContent(message.Data ?? []) };
            using var answer = await http.SendAsync(request, _stop.Token);
            await answer.Content.ReadAsByteArrayAsync(_stop.Token);
            await message.AckAsync(cancellationToken: _stop.Token);
        }
    }
}
