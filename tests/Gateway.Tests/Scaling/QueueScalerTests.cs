using System.Globalization;
using System.Net;
using Connectors.Gateway.Tests.Queues;
using Connectors.Gateway.Tests.Scaling.Keda;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using Connectors.Testing;
using Grpc.Core;
using Grpc.Net.Client;
using NATS.Client.Core;

namespace Connectors.Gateway.Tests.Scaling;

/// <summary>The external scaler as KEDA calls it, over gRPC.</summary>
public sealed class QueueScalerTests : IAsyncLifetime
{
    private const int Slots = 2;

    private readonly TaskCompletionSource _gate = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private NatsServer _nats = null!; // set before each test
    private HttpLedger _function = null!; // set before each test
    private TestGateway _gateway = null!; // set before each test
    private GrpcChannel _channel = null!; // set before each test
    private int _port;

    private ExternalScaler.ExternalScalerClient Keda => new(_channel);

    public async ValueTask InitializeAsync()
    {
        _port = FreePort.Next();
        _nats = await NatsServer.StartAsync();
        _function = await HttpLedger.StartAsync((_, http) => _gate.Task.WaitAsync(http.RequestAborted));
        _gateway = await TestGateway.StartAsync(_nats, ("bind_address", "*"), ("scaler_port", _port.ToString(CultureInfo.InvariantCulture)));
        _channel = GrpcChannel.ForAddress($"http://127.0.0.1:{_port}");
        await _gateway.DeployAsync("work", _function.Url);
        await _gateway.DeployAsync("other", _function.Url);
    }

    public async ValueTask DisposeAsync()
    {
        _gate.TrySetResult();
        _channel.Dispose();
        await _gateway.DisposeAsync();
        await _function.DisposeAsync();
        await _nats.DisposeAsync();
    }

    [Fact]
    public async Task A_queue_wakes_its_worker_is_measured_by_what_waits_and_sleeps_when_all_has_ended()
    {
        Assert.False(await IsActiveAsync());
        Assert.Equal(0, await WaitingAsync());

        await CallAsync("work", 4);
        await CallAsync("other", 1);
        await Eventually.HoldsAsync(async () => await WaitingAsync() == 5, "all of them wait");
        Assert.True(await IsActiveAsync());
        Assert.Equal(4, await WaitingAsync(("functionName", "work")));
        Assert.Equal(1, await WaitingAsync(("functionName", "other.openfaas-fn")));
        Assert.Equal(0, await WaitingAsync(("functionName", "third")));

        // What runs does not wait; that all of the rest does is known without any word of the consumer's. What a dead worker had waits once its leases are over.
        await using var worker = await WorkerAsync(ackWait: "4s");
        await Eventually.HoldsAsync(async () => await WaitingAsync() == 5 - Slots, "those that run do not count");
        Assert.True(await IsActiveAsync());

        await worker.KillAsync();
        await Eventually.HoldsAsync(async () => await WaitingAsync() == 5, "those that a dead worker had wait");

        await worker.StartAgainAsync();
        _gate.SetResult();
        await Eventually.HoldsAsync(async () => !await IsActiveAsync() && await WaitingAsync() == 0, "nothing is left");
    }

    [Fact]
    public async Task A_worker_is_needed_while_calls_run_and_callbacks_are_to_be_delivered()
    {
        await using var receiver = await HttpLedger.StartAsync((_, http) => _gate.Task.WaitAsync(http.RequestAborted));
        await using var worker = await WorkerAsync();
        await CallAsync("work", 1, ("X-Callback-Url", receiver.Url.AbsoluteUri));
        await _function.ReceivesAsync(1);

        await Eventually.HoldsAsync(async () => await WaitingAsync() == 0, "it runs");
        Assert.True(await IsActiveAsync());
        Assert.True(await IsActiveAsync(("functionName", "work")));

        _gate.SetResult();
        await Eventually.HoldsAsync(async () => !await IsActiveAsync(("functionName", "work")), "the function is through");
        await Eventually.HoldsAsync(async () => !await IsActiveAsync(), "its callback is delivered");
        Assert.Single(receiver.Requests);
    }

    [Theory]
    [InlineData("pause")]
    [InlineData("functions/work/pause")]
    public async Task A_worker_keeps_what_runs_in_it_though_it_was_paused(string pause)
    {
        await using var worker = await WorkerAsync();
        await CallAsync("work", 1);
        await _function.ReceivesAsync(1);

        await _gateway.SystemAsync(HttpMethod.Post, $"queues/{StreamNames.DefaultQueue}/{pause}");
        await Eventually.HoldsAsync(() => IsActiveAsync(), "the worker is needed while the call runs");
        Assert.Equal(0, await WaitingAsync());

        _gate.SetResult();
        await Eventually.HoldsAsync(async () => !await IsActiveAsync(), "nothing runs any more");
        Assert.Single(_function.Requests);
    }

    [Fact]
    public async Task A_name_that_is_no_queues_has_no_sample_nor_has_a_queue_that_is_gone()
    {
        Assert.False(await IsActiveAsync(("queueName", "nobody")));
        Assert.Null(await SampleAsync("waiting_calls", "nobody"));

        await CallAsync("work", 1);
        Assert.True(await IsActiveAsync());
        Assert.Equal(1, await SampleAsync("waiting_calls", StreamNames.DefaultQueue));

        await DeleteQueueAsync();
        await Eventually.HoldsAsync(async () => !await IsActiveAsync(), "the queue is gone");
        Assert.Null(await SampleAsync("waiting_calls", StreamNames.DefaultQueue));
    }

    [Fact]
    public async Task The_sample_of_a_queue_that_is_gone_goes_too_where_nobody_asks_any_more()
    {
        await CallAsync("work", 1);
        Assert.True(await IsActiveAsync());
        await Eventually.HoldsAsync(async () => await SampleAsync("untaken_seconds", StreamNames.DefaultQueue) is not null, "the queue is watched");
        Assert.Equal(1, await SampleAsync("waiting_calls", StreamNames.DefaultQueue));

        await DeleteQueueAsync();

        await Eventually.HoldsAsync(async () => await SampleAsync("waiting_calls", StreamNames.DefaultQueue) is null, "its sample goes");
    }

    [Fact]
    public async Task A_push_trigger_hears_of_each_change()
    {
        using var end = new CancellationTokenSource();
        using var stream = Keda.StreamIsActive(Of(), cancellationToken: end.Token);

        Assert.False(await NextAsync(stream));
        await CallAsync("work", 1);
        Assert.True(await NextAsync(stream));
        _gate.SetResult();
        await using var worker = await WorkerAsync();
        Assert.False(await NextAsync(stream));

        // One that is open keeps no gateway from stopping.
        Assert.Equal(0, await _gateway.Process.TerminateAsync());
    }

    [Fact]
    public async Task However_many_triggers_ask_a_queue_is_looked_at_once_a_second()
    {
        const int Looks = 5;
        await using var stored = new StoredCalls(_nats);
        await using var looks = await stored.ListenAsync($"$JS.API.STREAM.INFO.{StreamNames.Callbacks("asked")}");
        var begun = TimeProvider.System.GetTimestamp();
        var triggers = Enumerable.Range(0, 20).Select(_ => Keda.StreamIsActive(Of(("queueName", "asked")))).ToList();
        for (var look = 0; look < Looks; look++)
        {
            await looks.Msgs.ReadAsync().AsTask().WaitAsync(Eventually.Patience);
        }

        // A busy machine only makes it longer.
        Assert.InRange(TimeProvider.System.GetElapsedTime(begun), TimeSpan.FromSeconds(Looks - 2), TimeSpan.MaxValue);
        triggers.ForEach(trigger => trigger.Dispose());
    }

    // As in an outage of what many functions need.
    [Fact]
    public async Task However_many_breakers_are_open_none_is_read_for_a_look()
    {
        const int Breakers = 2_000;
        const int Looks = 3;
        await using var stored = new StoredCalls(_nats);
        var seed = await new DeadLetterSeed(stored.JetStream, "down").CreateAsync();
        await seed.HeldAsync(DeadLetterSeed.Call("f0"));
        await Eventually.HoldsAsync(async () => await WaitingAsync(("queueName", "down")) == 1, "what nobody holds any more waits");

        var now = TimeProvider.System.GetUtcNow();
        var breaker = new OpenBreaker { Reason = "no connection", At = now, ProbeAt = now.AddHours(1), Wait = TimeSpan.FromHours(1), MaxWait = TimeSpan.FromHours(1) };
        await Parallel.ForEachAsync(Enumerable.Range(0, Breakers), new ParallelOptions { MaxDegreeOfParallelism = 64 }, async (i, _) =>
            await seed.PublishAsync($"$KV.{StreamNames.Paused}.{OpenBreaker.Key("down", new FunctionName($"f{i}", "openfaas-fn"))}", breaker.Encode(), new NatsHeaders()));
        await Eventually.HoldsAsync(async () => await WaitingAsync(("queueName", "down")) == 0, "its breaker is known");

        await using var asked = await stored.ListenAsync("$JS.API.>");
        await using var looks = await stored.ListenAsync($"$JS.API.STREAM.INFO.{StreamNames.Callbacks("down")}");
        var triggers = Enumerable.Range(0, 20).Select(_ => Keda.StreamIsActive(Of(("queueName", "down")))).ToList();
        for (var look = 0; look < Looks; look++)
        {
            await looks.Msgs.ReadAsync().AsTask().WaitAsync(Eventually.Patience);
        }

        triggers.ForEach(trigger => trigger.Dispose());
        var read = new List<string>();
        while (asked.Msgs.TryRead(out var request))
        {
            read.Add(request.Subject);
        }

        // The watch may begin anew on a busy machine, a few times; were they read, each trigger would at each look.
        Assert.InRange(read.Count(subject => subject.Contains($"KV_{StreamNames.Paused}", StringComparison.Ordinal) && !subject.Contains(".STREAM.INFO.", StringComparison.Ordinal)), 0, triggers.Count / 2);
        Assert.Equal(Breakers, (await _gateway.SystemJsonAsync("queues")).AsArray().Single(queue => (string)queue!["name"]! == "down")!["unreachableFunctions"]!.AsArray().Count);
        await _gateway.SystemAsync(HttpMethod.Post, "queues/down/functions/f0/resume", expected: HttpStatusCode.NoContent);
        await Eventually.HoldsAsync(async () => await WaitingAsync(("queueName", "down")) == 1, "its breaker is closed");
    }

    [Fact]
    public async Task The_target_is_the_threshold_and_a_trigger_that_cannot_be_meant_is_refused_by_name()
    {
        var spec = Assert.Single((await Keda.GetMetricSpecAsync(Of(("threshold", "2.5")))).MetricSpecs);
        var fault = await Assert.ThrowsAsync<RpcException>(async () => await Keda.GetMetricSpecAsync(Of(("threshold", "many"))));

        Assert.Equal(("waiting-calls", 3L, 2.5), (spec.MetricName, spec.TargetSize, spec.TargetSizeFloat));
        Assert.Equal(StatusCode.InvalidArgument, fault.StatusCode);
        Assert.StartsWith("threshold: \"many\"", fault.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_the_scaler_does_not_offer_is_unimplemented_and_NATS_away_is_unavailable()
    {
        using var specs = Keda.StreamMetricSpec(Of());
        var missing = await Assert.ThrowsAsync<RpcException>(() => specs.ResponseStream.MoveNext(CancellationToken.None));
        await _nats.KillAsync();
        var away = await Assert.ThrowsAsync<RpcException>(async () => await Keda.IsActiveAsync(Of()));

        Assert.Equal(StatusCode.Unimplemented, missing.StatusCode);
        Assert.Equal(StatusCode.Unavailable, away.StatusCode);
    }

    [Fact]
    public async Task Each_port_serves_its_own()
    {
        using var http = new HttpClient(new SocketsHttpHandler()) { DefaultRequestVersion = HttpVersion.Version20, DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact };
        using var function = await http.GetAsync($"http://127.0.0.1:{_port}/function/work");
        using var system = await http.GetAsync($"http://127.0.0.1:{_port}/system/functions");
        using var scaler = await _gateway.PostAsync("/externalscaler.ExternalScaler/IsActive", "", ("Content-Type", "application/grpc"));

        Assert.Equal((HttpStatusCode.NotFound, HttpStatusCode.NotFound, HttpStatusCode.NotFound), (function.StatusCode, system.StatusCode, scaler.StatusCode));
        Assert.Empty(_function.Requests);
    }

    private async Task CallAsync(string function, int count, params (string Name, string Value)[] headers)
    {
        for (var i = 0; i < count; i++)
        {
            using var answer = await _gateway.PostAsync($"/async-function/{function}", "", headers);
            Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
        }
    }

    private async Task DeleteQueueAsync()
    {
        await using var stored = new StoredCalls(_nats);
        await stored.JetStream.DeleteStreamAsync(StreamNames.Calls(StreamNames.DefaultQueue));
    }

    private Task<double?> SampleAsync(string metric, string queue) => _gateway.Process.MetricAsync($"gateway_queue_{metric}{{queue_name=\"{queue}\"}}");

    private async Task<bool> IsActiveAsync(params (string Key, string Value)[] metadata) => (await Keda.IsActiveAsync(Of(metadata))).Result;

    private async Task<double> WaitingAsync(params (string Key, string Value)[] metadata)
    {
        var answer = await Keda.GetMetricsAsync(new GetMetricsRequest { ScaledObjectRef = Of(metadata), MetricName = "waiting-calls" });
        var value = Assert.Single(answer.MetricValues);
        Assert.Equal(("waiting-calls", (double)value.MetricValue_), (value.MetricName, value.MetricValueFloat));
        return value.MetricValueFloat;
    }

    private static async Task<bool> NextAsync(AsyncServerStreamingCall<IsActiveResponse> stream)
    {
        Assert.True(await stream.ResponseStream.MoveNext(CancellationToken.None).WaitAsync(Eventually.Patience));
        return stream.ResponseStream.Current.Result;
    }

    private static ScaledObjectRef Of(params (string Key, string Value)[] metadata)
    {
        var scaled = new ScaledObjectRef { Name = "queue-worker", Namespace = "openfaas", ScalerMetadata = { ["scalerAddress"] = "gateway.openfaas:8090", ["queueName"] = "faas-request" } };
        foreach (var (key, value) in metadata)
        {
            scaled.ScalerMetadata[key] = value;
        }

        return scaled;
    }

    private Task<ServiceProcess> WorkerAsync(string ackWait = "10s") => ServiceProcess.StartAsync("QueueWorker", new Dictionary<string, string>
    {
        ["nats_host"] = "127.0.0.1",
        ["nats_port"] = _nats.Port.ToString(CultureInfo.InvariantCulture),
        ["gateway_url"] = _gateway.Api.AbsoluteUri,
        ["max_inflight"] = $"{Slots}",
        ["callback_allow"] = "127.0.0.1",
        ["ack_wait"] = ackWait,
    });
}
