using System.Net.Http.Headers;
using System.Text.Json;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;

namespace Connectors.Sqs.Tests;

/// <summary>From a real queue through the connector's process and a real gateway to a function: no part is played.</summary>
public sealed class RealGatewayTests(QueueServer server) : IAsyncLifetime
{
    private NatsServer _nats = null!;
    private HttpLedger _function = null!;
    private OwnGateway _gateway = null!;
    private string _queue = "";
    private int _status = StatusCodes.Status200OK;

    public async ValueTask InitializeAsync()
    {
        _queue = await server.CreateAsync("real");
        _nats = await NatsServer.StartAsync();
        _function = await HttpLedger.StartAsync((_, http) =>
        {
            http.Response.StatusCode = Interlocked.Exchange(ref _status, StatusCodes.Status200OK);
            return Task.CompletedTask;
        });
        _gateway = await OwnGateway.StartAsync(_nats, "work", _function.Url, new Dictionary<string, string> { ["topic"] = _queue }, ("max_body_bytes", "1000"));
    }

    public async ValueTask DisposeAsync()
    {
        await _gateway.DisposeAsync();
        await _function.DisposeAsync();
        await _nats.DisposeAsync();
    }

    [Fact]
    public async Task A_message_is_run_and_deleted_and_one_that_fails_comes_again()
    {
        _status = StatusCodes.Status500InternalServerError;
        await using var connector = await StartAsync("false");

        var id = await server.SendAsync(_queue, "hello");
        await server.IsEmptyAsync(_queue);

        Assert.Equal(["hello", "hello"], _function.Requests.Select(r => r.Text));
        Assert.All(_function.Requests, r => Assert.Equal((id, _queue), (r.Header("X-SQS-Message-ID"), r.Header("X-Topic"))));
        Assert.Equal(["1", "2"], _function.Requests.Select(r => r.Header("X-SQS-ApproximateReceiveCount")));
        Assert.Empty(await Promtool.ObjectionsAsync(connector));
    }

    [Fact]
    public async Task Enqueued_it_is_deleted_and_one_too_large_for_the_gateway_is_hidden_and_told()
    {
        await using var connector = await StartAsync("true");

        await server.SendAsync(_queue, "small");
        await server.IsEmptyAsync(_queue);
        await server.SendAsync(_queue, new string('x', 2_000));

        await connector.Process.LineAsync(line => line.Contains("can never be delivered", StringComparison.Ordinal) && line.Contains("413", StringComparison.Ordinal), "413 is told");
        await Eventually.HoldsAsync(async () => await server.CountAsync(_queue) == (0, 1), "it is hidden");
        Assert.Empty(_function.Requests);
    }

    [Fact]
    public async Task A_queue_for_calls_that_is_full_deletes_no_message()
    {
        await using var full = await OwnGateway.StartAsync(
            _nats, "work", _function.Url, new Dictionary<string, string> { ["topic"] = _queue, ["com.openfaas.queue"] = "small" }, ("nats_max_msgs", "1"));
        await using var connector = await StartAsync("true", full, "delete");
        await server.SendAsync(_queue, "first");
        await server.IsEmptyAsync(_queue);

        await server.SendAsync(_queue, "second");
        await connector.Process.LineAsync(line => line.Contains("Invoked", StringComparison.Ordinal) && line.Contains("503", StringComparison.Ordinal), "it is refused");
        Assert.Equal((0, 1), await server.CountAsync(_queue));
        Assert.Equal(1, await SendAsync(full, HttpMethod.Delete, "/calls", "purged"));

        await server.IsEmptyAsync(_queue);
        Assert.Equal(1, await SendAsync(full, HttpMethod.Get, "", "calls"));
    }

    // One call at a time: the platform says 429 for all others, of which the function has seen nothing.
    [Fact]
    public async Task A_function_that_takes_one_call_at_a_time_runs_all_messages_and_none_is_deleted_unrun()
    {
        var release = new TaskCompletionSource();
        await using var function = await HttpLedger.StartAsync((_, _) => release.Task);
        await using var busy = await OwnGateway.StartAsync(
            _nats,
            "work",
            new Dictionary<string, string> { ["upstream_url"] = function.Url.AbsoluteUri, ["max_inflight"] = "1" },
            new Dictionary<string, string> { ["topic"] = _queue });
        await using var connector = await StartAsync("false", busy, "delete");
        string[] messages = ["1", "2", "3"];

        await server.SendAsync(_queue, messages.Select(message => (message, (string?)null)));
        await connector.Process.LineAsync(line => line.Contains("Invoked", StringComparison.Ordinal) && line.Contains("\"status\":429", StringComparison.Ordinal), "the function is full");
        release.SetResult();

        await server.IsEmptyAsync(_queue);
        Assert.Equal(messages, function.Requests.Select(r => r.Text).Order(StringComparer.Ordinal));
        Assert.All(function.Requests, r => Assert.Equal("1", r.Header("X-SQS-ApproximateReceiveCount")));
    }

    // One of the numbers that the gateway tells of its small queue.
    private static async Task<int> SendAsync(OwnGateway gateway, HttpMethod method, string path, string number)
    {
        using var http = new HttpClient(new SocketsHttpHandler());
        using var request = new HttpRequestMessage(method, new Uri(gateway.Url, $"/system/queues/small{path}"));
        request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String("admin:s3cret"u8));
        using var answer = await http.SendAsync(request);
        using var json = JsonDocument.Parse(await answer.Content.ReadAsByteArrayAsync());
        return json.RootElement.GetProperty(number).GetInt32();
    }

    private Task<ServiceProcess> StartAsync(string asynchronous) => StartAsync(asynchronous, _gateway, "back_off");

    private Task<ServiceProcess> StartAsync(string asynchronous, OwnGateway gateway, string onFailure) => ServiceProcess.StartAsync("SqsConnector", new Dictionary<string, string>
    {
        ["gateway_url"] = gateway.Url.AbsoluteUri,
        ["queue_url"] = server.Url(_queue),
        ["on_failure"] = onFailure,
        ["secret_mount_path"] = gateway.Secrets,
        ["rebuild_interval"] = "100ms",
        ["wait_time"] = "1s",
        ["asynchronous_invocation"] = asynchronous,
        ["AWS_DEFAULT_REGION"] = SqsServer.Region,
        ["AWS_ACCESS_KEY_ID"] = Credentials.Key,
        ["AWS_SECRET_ACCESS_KEY"] = Credentials.Secret,
    });
}
