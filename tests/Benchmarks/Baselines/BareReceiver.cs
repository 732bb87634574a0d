using Amazon.Runtime;
using Amazon.SQS;
using Amazon.SQS.Model;
using Connectors.Testing;

namespace Connectors.Benchmarks.Baselines;

/// <summary>Receives up to ten messages, posts each to the function, deletes all of them with one request, and so on: what a connector does at least.</summary>
internal sealed class BareReceiver : IAsyncDisposable
{
    /// <summary>The most messages of one request, as SQS has it.</summary>
    internal const int Batch = 10;

    /// <summary>So many loops of ten calls at once are as many calls as the connector makes at once unless told otherwise.</summary>
    internal const int Loops = 5;

    private readonly HttpMessageInvoker _http = new(new SocketsHttpHandler { UseProxy = false, UseCookies = false, ActivityHeadersPropagator = null });
    private readonly CancellationTokenSource _stop = new();
    private readonly AmazonSQSClient _client;
    private readonly string _queue;
    private readonly Uri _function;
    private Task _running = Task.CompletedTask;

    private BareReceiver(Uri queue, Uri function) => (_client, _queue, _function) = (ClientOf(queue), queue.AbsoluteUri, function);

    /// <param name="target">The addresses of the queue and the function, with a comma between.</param>
    /// <param name="loops">How many receive.</param>
    /// <param name="atOnce">How many of a receive's messages each of them runs at once.</param>
    internal static BareReceiver Start(string target, int loops, int atOnce)
    {
        var receiver = new BareReceiver(new Uri(target.Split(',')[0]), new Uri(target.Split(',')[1]));
        receiver._running = Task.WhenAll(Enumerable.Range(0, loops).Select(_ => receiver.ReceiveAsync(atOnce)));
        return receiver;
    }

    /// <summary>A client of the server that a queue, or another address, is at. It takes any key.</summary>
    internal static AmazonSQSClient ClientOf(Uri address) => new(
        new BasicAWSCredentials("bench", "bench"),
        new AmazonSQSConfig { ServiceURL = address.GetLeftPart(UriPartial.Authority), AuthenticationRegion = SqsServer.Region });

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _client.Dispose();
        _http.Dispose();
        _stop.Dispose();
    }

    private async Task ReceiveAsync(int atOnce)
    {
        var request = new ReceiveMessageRequest { QueueUrl = _queue, MaxNumberOfMessages = Batch, WaitTimeSeconds = 20 };
        var calls = new ParallelOptions { MaxDegreeOfParallelism = atOnce, CancellationToken = _stop.Token };
        while (true)
        {
            if ((await _client.ReceiveMessageAsync(request, _stop.Token)).Messages is { Count: > 0 } messages)
            {
                await Parallel.ForEachAsync(messages, calls, async (message, ct) => await CallAsync(message.Body, ct));
                await _client.DeleteMessageBatchAsync(
                    _queue, [.. messages.Select((message, at) => new DeleteMessageBatchRequestEntry($"{at}", message.ReceiptHandle))], _stop.Token);
            }
        }
    }

    private async Task CallAsync(string body, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, _function) { Content = new StringContent(body) };
        using var answer = await _http.SendAsync(request, ct);
        await answer.Content.ReadAsByteArrayAsync(ct);
    }
}
