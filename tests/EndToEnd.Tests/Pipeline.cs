using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;

namespace Connectors.EndToEnd.Tests;

/// <summary>The whole system as processes: nats-server, gateway with its embedded provider, queue-worker; beside it a function and a callback receiver.</summary>
public sealed class Pipeline : IAsyncDisposable
{
    private readonly DirectoryInfo _home = Directory.CreateTempSubdirectory("pipeline-");
    private readonly HttpClient _http = new(new SocketsHttpHandler
    {
        PooledConnectionIdleTimeout = TimeSpan.FromSeconds(1),
        RequestHeaderEncodingSelector = (_, _) => System.Text.Encoding.Latin1,
    });

    private readonly bool _ownsNats;

    private Pipeline(NatsServer nats, bool ownsNats, HttpLedger function, HttpLedger callbacks)
    {
        Nats = nats;
        _ownsNats = ownsNats;
        Function = function;
        Callbacks = callbacks;
    }

    public NatsServer Nats { get; }

    /// <summary>
    /// Functions <c>work</c>, unless it was said to be elsewhere, <c>other</c>, and <c>innocent</c>, which is tried so often that it runs however busy the machine
    /// is: an existing HTTP service.
    /// </summary>
    public HttpLedger Function { get; }

    public HttpLedger Callbacks { get; }

    public ServiceProcess Gateway { get; private set; } = null!;

    public ServiceProcess Worker { get; private set; } = null!;

    /// <summary>What the gateway and the worker find in <c>secret_mount_path</c>.</summary>
    public string Secrets => _home.CreateSubdirectory("secrets").FullName;

    /// <summary>
    /// Starts everything; <paramref name="work"/> is where the function of that name is, if not at <see cref="Function"/>. <paramref name="nats"/> is given
    /// for another server than one of its own; <paramref name="secrets"/> are there from the start; <paramref name="stack"/> is another stack file, with other
    /// functions.
    /// </summary>
    public static async Task<Pipeline> StartAsync(
        Func<RecordedRequest, HttpContext, Task>? function = null,
        Uri? work = null,
        IReadOnlyDictionary<string, string>? worker = null,
        IReadOnlyDictionary<string, string>? gateway = null,
        Func<RecordedRequest, HttpContext, Task>? callbacks = null,
        NatsServer? nats = null,
        IReadOnlyDictionary<string, string>? secrets = null,
        string? stack = null)
    {
        var pipeline = new Pipeline(nats ?? await NatsServer.StartAsync(), nats is null, await HttpLedger.StartAsync(function), await HttpLedger.StartAsync(callbacks));
        foreach (var (name, text) in secrets ?? new Dictionary<string, string>())
        {
            await pipeline.WriteSecretAsync(name, text);
        }

        await pipeline.StartGatewayAsync(work ?? pipeline.Function.Url, gateway ?? new Dictionary<string, string>(), stack);
        await pipeline.StartWorkerAsync(worker ?? new Dictionary<string, string>());
        return pipeline;
    }

    /// <summary>Posts an asynchronous call whose callback goes to <see cref="Callbacks"/>.</summary>
    public async Task<HttpResponseMessage> CallAsync(string function, byte[] body, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(Gateway.Api, $"/async-function/{function}")) { Content = new ByteArrayContent(body) };
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        return await _http.SendAsync(request);
    }

    /// <summary>Asks for a call's stored result.</summary>
    public Task<HttpResponseMessage> ResultAsync(string callId) => _http.GetAsync(new Uri(Gateway.Api, $"/async-function/{callId}"));

    /// <summary>Cancels a call by its id.</summary>
    public Task<HttpResponseMessage> CancelAsync(string callId) => _http.DeleteAsync(new Uri(Gateway.Api, $"/async-function/{callId}"));

    /// <summary>A request to the default queue's part of the Queues API.</summary>
    public Task<JsonNode?> QueueAsync(HttpMethod method, string path = "", object? body = null) => SystemAsync(method, "queues/faas-request" + path, body);

    /// <summary>A request below <c>/system/</c>.</summary>
    public async Task<JsonNode?> SystemAsync(HttpMethod method, string path, object? body = null)
    {
        using var request = new HttpRequestMessage(method, new Uri(Gateway.Api, "/system/" + path)) { Content = body is null ? null : JsonContent.Create(body) };
        request.Headers.Authorization = new("Basic", Convert.ToBase64String("admin:e2e"u8));
        using var answer = await _http.SendAsync(request);
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.IsSuccessStatusCode, $"{method} {path}: {(int)answer.StatusCode} {text}");
        return text.Length == 0 ? null : JsonNode.Parse(text);
    }

    /// <summary>Waits until every call and callback came to its end, so many of them as dead letters.</summary>
    public Task EndsAsync(int dead) => Eventually.HoldsAsync(
        async () => await LooksEndedAsync(dead) && await LooksEndedAsync(dead),
        () => $"the queue is empty but for {dead} dead letters; the worker wrote:\n{Worker.Process.Tail()}");

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        if (Worker is not null)
        {
            await Worker.DisposeAsync();
        }

        if (Gateway is not null)
        {
            await Gateway.DisposeAsync();
        }

        await Function.DisposeAsync();
        await Callbacks.DisposeAsync();
        if (_ownsNats)
        {
            await Nats.DisposeAsync();
        }

        _home.Delete(recursive: true);
    }

    // For one look the gateway asks for calls, callbacks, dead letters and what lies aside one after the other. What goes back to the calls from aside, or from
    // the dead letters, after it asked for those is seen in neither; a second look, which begins when the first has ended, sees it among the calls.
    private async Task<bool> LooksEndedAsync(int dead) =>
        await QueueAsync(HttpMethod.Get) is { } queue && ((int)queue["calls"]! + (int)queue["delayed"]! + (int)queue["held"]!, (int)queue["callbacks"]!, (int)queue["dead"]!) == (0, 0, dead);

    private async Task StartGatewayAsync(Uri work, IReadOnlyDictionary<string, string> more, string? stack = null)
    {
        var functions = Path.Combine(_home.FullName, "functions.yaml");
        await File.WriteAllTextAsync(functions, $$"""
            version: "1.0"
            provider:
              name: openfaas
            functions:
              work:
                image: test/work
                environment:
                  upstream_url: {{work}}
              other:
                image: test/other
                environment:
                  upstream_url: {{Function.Url}}other/
              innocent:
                image: test/innocent
                annotations:
                  com.openfaas.retry.attempts: "10"
                environment:
                  upstream_url: {{Function.Url}}innocent/
              upper:
                image: test/upper
                environment:
                  fprocess: tr a-z A-Z
                  content_type: text/x-upper
            """);
        await WriteSecretAsync("basic-auth-user", "admin");
        await WriteSecretAsync("basic-auth-password", "e2e");
        Gateway = await ServiceProcess.StartAsync("Gateway", new Dictionary<string, string>(more)
        {
            ["faas_nats_address"] = "127.0.0.1",
            ["faas_nats_port"] = Nats.Port.ToString(CultureInfo.InvariantCulture),
            ["functions_path"] = stack ?? functions,
            ["data_path"] = Path.Combine(_home.FullName, "data"),
            ["secret_mount_path"] = Secrets,
            ["basic_auth"] = "true",
            ["nats_publish_timeout"] = more.GetValueOrDefault("nats_publish_timeout", "60s"),
        });
    }

    /// <summary>Another gateway and worker in place of these, as a rollout makes them, with other options.</summary>
    public async Task RollAsync(IReadOnlyDictionary<string, string> options)
    {
        Assert.Equal(0, await Gateway.TerminateAsync());
        await Gateway.DisposeAsync();
        await StartGatewayAsync(Function.Url, options);
        Assert.Equal(0, await Worker.TerminateAsync());
        await Worker.DisposeAsync();
        await StartWorkerAsync(options);
    }

    public Task WriteSecretAsync(string name, string text) => File.WriteAllTextAsync(Path.Combine(Secrets, name), text);

    private async Task StartWorkerAsync(IReadOnlyDictionary<string, string> more)
    {
        var options = new Dictionary<string, string>
        {
            ["nats_host"] = "127.0.0.1",
            ["nats_port"] = Nats.Port.ToString(CultureInfo.InvariantCulture),
            ["gateway_url"] = Gateway.Api.ToString(),
            ["ack_wait"] = "10s",
            ["initial_retry_wait"] = "100ms",
            ["max_retry_wait"] = "1s",
            ["max_inflight"] = "10",
            ["callback_allow"] = "127.0.0.1",
            ["secret_mount_path"] = Secrets,
        };
        foreach (var (name, value) in more)
        {
            options[name] = value;
        }

        Worker = await ServiceProcess.StartAsync("QueueWorker", options);
    }
}
