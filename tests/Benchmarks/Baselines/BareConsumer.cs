using System.Threading.Channels;
using Confluent.Kafka;

namespace Connectors.Benchmarks.Baselines;

/// <summary>
/// Consumes a topic and posts each value to the function: one after the other, or each key's values one after the other. Offsets are left to the client,
/// which commits what it handed out: what a connector does at least, and less than it promises.
/// </summary>
internal sealed class BareConsumer : IAsyncDisposable
{
    private readonly HttpMessageInvoker _http = new(new SocketsHttpHandler { UseProxy = false, UseCookies = false, ActivityHeadersPropagator = null });
    private readonly Dictionary<string, Channel<string>> _keys = [];
    private readonly List<Task> _running = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly Uri _function;

    private BareConsumer(Uri function) => _function = function;

    /// <param name="target">The broker's address, the topic and the function's address, with commas between.</param>
    /// <param name="byKey">Whether the keys run beside each other.</param>
    internal static BareConsumer Start(string target, bool byKey)
    {
        var (broker, topic, function) = (target.Split(',')[0], target.Split(',')[1], new Uri(target.Split(',')[2]));
        var loop = new BareConsumer(function);
        loop._running.Add(Task.Run(() => loop.ConsumeAsync(broker, topic, byKey)));
        return loop;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _http.Dispose();
        _stop.Dispose();
    }

    private async Task ConsumeAsync(string broker, string topic, bool byKey)
    {
        using var consumer = new ConsumerBuilder<string, string>(
            new ConsumerConfig { BootstrapServers = broker, GroupId = "bare", AutoOffsetReset = AutoOffsetReset.Earliest }).Build();
        consumer.Subscribe(topic);
        while (true)
        {
            var message = consumer.Consume(_stop.Token).Message;
            if (byKey)
            {
                LaneOf(message.Key).TryWrite(message.Value);
            }
            else
            {
                await CallAsync(message.Value);
            }
        }
    }

    // Of the one thread that consumes.
    private ChannelWriter<string> LaneOf(string key)
    {
        if (!_keys.TryGetValue(key, out var lane))
        {
            _keys[key] = lane = Channel.CreateUnbounded<string>();
            _running.Add(RunAsync(lane.Reader));
        }

        return lane.Writer;
    }

    private async Task RunAsync(ChannelReader<string> lane)
    {
        await foreach (var value in lane.ReadAllAsync(_stop.Token))
        {
            await CallAsync(value);
        }
    }

    private async Task CallAsync(string value)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, _function) { Content = new StringContent(value) };
        using var answer = await _http.SendAsync(request, _stop.Token);
        await answer.Content.ReadAsByteArrayAsync(_stop.Token);
    }
}
