using System.Text;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;
using NATS.Client.KeyValueStore;
using NATS.Net;

namespace Connectors.QueueWorker.Tests;

/// <summary>A worker as a real process between a real nats-server and an HTTP server that plays the gateway's function route and the callback receiver.</summary>
public sealed class Bench : IAsyncDisposable
{
    public static readonly FunctionName Echo = new("echo", "openfaas-fn");

    private readonly Dictionary<string, string> _options;
    private readonly List<IAsyncDisposable> _parts = [];
    private bool _ownsServer;

    private Bench(NatsServer server, HttpLedger http, string queue, Dictionary<string, string> options)
    {
        Server = server;
        Http = http;
        Queue = queue;
        _options = options;

        // A busy machine may take longer than the client waits by itself.
        Connection = new NatsConnection(new NatsOpts
        {
            Url = server.Url,
            RetryOnInitialConnect = true,
            MaxReconnectRetry = -1,
            ReconnectWaitMin = TimeSpan.FromMilliseconds(50),
            ConnectTimeout = TimeSpan.FromSeconds(20),
            RequestTimeout = TimeSpan.FromMinutes(1),
            CommandTimeout = TimeSpan.FromMinutes(1),
        });
        JetStream = new NatsJSContext(Connection);
    }

    public NatsServer Server { get; }

    /// <summary>Functions under <c>/function/</c>, callbacks anywhere else.</summary>
    public HttpLedger Http { get; }

    public string Queue { get; }

    public NatsConnection Connection { get; }

    public NatsJSContext JetStream { get; }

    public ServiceProcess Worker { get; private set; } = null!;

    public string Calls => StreamNames.Calls(Queue);

    public string Callbacks => StreamNames.Callbacks(Queue);

    public string Dead => StreamNames.Dead(Queue);

    public string Aside => StreamNames.Aside(Queue);

    public Uri CallbackUrl => new(Http.Url, "callback");

    /// <summary>Requests that functions got.</summary>
    public IReadOnlyList<RecordedRequest> Sends => [.. Http.Requests.Where(r => r.Path.StartsWith("/function/", StringComparison.Ordinal))];

    /// <summary>Requests that the callback receiver got.</summary>
    public IReadOnlyList<RecordedRequest> Posts => [.. Http.Requests.Where(r => !r.Path.StartsWith("/function/", StringComparison.Ordinal))];

    /// <summary>Starts everything; <paramref name="answer"/> plays functions and receiver, each of which answers 200 without it.</summary>
    public static async Task<Bench> StartAsync(
        Func<RecordedRequest, HttpContext, Task>? answer = null, Dictionary<string, string>? options = null, NatsServer? server = null, bool worker = true)
    {
        var http = await HttpLedger.StartAsync(answer);
        var bench = new Bench(server ?? await NatsServer.StartAsync(), http, "q" + Guid.NewGuid().ToString("N")[..8], options ?? []) { _ownsServer = server is null };
        if (worker)
        {
            bench.Worker = await bench.StartWorkerAsync();
        }

        return bench;
    }

    /// <summary>Starts a bench without worker, its streams as the gateway would make them.</summary>
    public static async Task<Bench> StartWithoutWorkerAsync(
        Func<RecordedRequest, HttpContext, Task>? answer = null, Dictionary<string, string>? options = null, NatsServer? server = null)
    {
        var bench = await StartAsync(answer, options, server, worker: false);
        foreach (var shape in StreamShape.All(bench.Queue, new StreamLimits()))
        {
            await bench.JetStream.CreateStreamAsync(StreamSetup.ConfigOf(shape));
        }

        return bench;
    }

    /// <summary>Starts one more worker on the queue.</summary>
    public async Task<ServiceProcess> StartWorkerAsync(Dictionary<string, string>? options = null, bool ready = true)
    {
        var worker = await ServiceProcess.StartAsync("QueueWorker", Options(options), ready);
        _parts.Add(worker);
        return Worker ??= worker;
    }

    /// <summary>Starts one more worker on the queue, and leaves <see cref="Worker"/> as it is.</summary>
    public async Task<ServiceProcess> StartAnotherAsync(Dictionary<string, string>? options = null)
    {
        var worker = await ServiceProcess.StartAsync("QueueWorker", Options(options));
        _parts.Add(worker);
        return worker;
    }

    public Dictionary<string, string> Options(Dictionary<string, string>? more = null)
    {
        var options = new Dictionary<string, string>
        {
            ["queue_name"] = Queue,
            ["nats_host"] = "127.0.0.1",
            ["nats_port"] = Server.Port.ToString(),
            ["gateway_url"] = Http.Url.ToString(),
            // A busy machine misses shorter ones, and a call that should run once runs twice.
            ["ack_wait"] = "10s",
            ["initial_retry_wait"] = "100ms",
            ["callback_initial_wait"] = "100ms",
            ["callback_allow"] = "127.0.0.1",
            ["grace_period"] = "20s",
            ["debug"] = "true",
        };
        foreach (var (name, value) in _options.Concat(more ?? []))
        {
            options[name] = value;
        }

        return options;
    }

    /// <summary>An answer that waits for the gate.</summary>
    public static Func<RecordedRequest, HttpContext, Task> Behind(TaskCompletionSource gate) => (_, http) => gate.Task.WaitAsync(http.RequestAborted);

    /// <summary>Functions answer with these statuses in turn, then with the last; the callback receiver with 200.</summary>
    public static Func<RecordedRequest, HttpContext, Task> Statuses(params int[] statuses)
    {
        var next = -1;
        return (request, http) =>
        {
            if (request.Path.StartsWith("/function/", StringComparison.Ordinal))
            {
                http.Response.StatusCode = statuses[Math.Min(Interlocked.Increment(ref next), statuses.Length - 1)];
            }

            return Task.CompletedTask;
        };
    }

    public static Envelope Call(FunctionName? function = null) => new()
    {
        CallId = Guid.NewGuid().ToString(),
        DeliveryId = Guid.NewGuid().ToString(),
        Function = (function ?? Echo).Name,
        Namespace = (function ?? Echo).Namespace,
        Submitted = TimeProvider.System.GetUtcNow(),
    };

    /// <summary>Stores a call as the gateway would.</summary>
    public async Task<Envelope> EnqueueAsync(Envelope? call = null, string body = "", string? id = null)
    {
        call ??= Call();
        await EnqueueAsync(call, Encoding.UTF8.GetBytes(body), id);
        return call;
    }

    public Task EnqueueAsync(Envelope call, byte[] body, string? id = null) =>
        PublishAsync(StreamNames.CallSubject(Queue, call.Priority, call.FunctionName), body, id, (EnvelopeCodec.HeaderName, EnvelopeCodec.Encode(call)));

    /// <summary>Stores many calls quickly: sent without waiting for each, then counted by the sequences that they took, for the first may have run by then.</summary>
    public async Task EnqueueManyAsync(int count, Func<Envelope> call)
    {
        var before = await LastAsync();
        for (var i = 0; i < count; i++)
        {
            var envelope = call();
            await Connection.PublishAsync(
                StreamNames.CallSubject(Queue, envelope.Priority, envelope.FunctionName), Array.Empty<byte>(), new NatsHeaders { [EnvelopeCodec.HeaderName] = EnvelopeCodec.Encode(envelope) },
                serializer: NatsRawSerializer<byte[]>.Default);
        }

        await Eventually.HoldsAsync(async () => await LastAsync() >= before + (ulong)count, $"{Calls} took {count} messages; the worker wrote:\n{Worker?.Process.Tail()}");

        async Task<ulong> LastAsync() => (await JetStream.GetStreamAsync(Calls)).Info.State.LastSeq;
    }

    public async Task PublishAsync(string subject, byte[] body, string? id = null, params (string Name, string Value)[] headers)
    {
        var all = new NatsHeaders();
        foreach (var (name, value) in headers)
        {
            all.Add(name, value);
        }

        var ack = await JetStream.PublishAsync(subject, body, NatsRawSerializer<byte[]>.Default, new NatsJSPubOpts { MsgId = id, RetryAttempts = 20 }, all);
        ack.EnsureSuccess();
    }

    /// <summary>Every message of a stream, in order.</summary>
    public async Task<IReadOnlyList<StoredRecord>> ReadAsync(string stream)
    {
        var found = await JetStream.GetStreamAsync(stream);
        var records = new List<StoredRecord>();
        for (var sequence = found.Info.State.FirstSeq; sequence <= found.Info.State.LastSeq && found.Info.State.Messages > 0; sequence++)
        {
            var message = await found.GetDirectAsync<byte[]>(new StreamMsgGetRequest { Seq = sequence }, NatsRawSerializer<byte[]>.Default);
            if (message.Headers is { Code: 0 } or { Code: 200 } or null)
            {
                records.Add(new StoredRecord(message.Headers?["Nats-Subject"].ToString() ?? "", message.Headers ?? [], message.Data ?? []));
            }
        }

        return records;
    }

    /// <summary>Deletes a consumer under the worker.</summary>
    public async Task DeleteConsumerAsync(string stream, string consumer)
    {
        try
        {
            await JetStream.DeleteConsumerAsync(stream, consumer);
        }
        catch (NatsJSApiException fault) when (fault.Error.Description?.Contains("directory not empty", StringComparison.Ordinal) == true)
        {
            // nats-server 2.10 was writing the consumer's state meanwhile. A file is left, the consumer is gone.
        }
    }

    public async Task<long> CountAsync(string stream) => (await JetStream.GetStreamAsync(stream)).Info.State.Messages;

    /// <summary>Pauses the queue or a function, as the gateway does.</summary>
    public async Task PauseAsync(FunctionName? function = null) => await (await PausesAsync()).PutAsync(
        Pause.Key(Queue, function), new Pause { Reason = "a test", By = "bench", At = TimeProvider.System.GetUtcNow() }.Encode(), NatsRawSerializer<byte[]>.Default);

    public async Task ResumeAsync(FunctionName? function = null) => await (await PausesAsync()).DeleteAsync(Pause.Key(Queue, function));

    /// <summary>Opens a function's breaker, as a worker does.</summary>
    public async Task BreakAsync(FunctionName function, OpenBreaker breaker) =>
        await (await PausesAsync()).PutAsync(OpenBreaker.Key(Queue, function), breaker.Encode(), NatsRawSerializer<byte[]>.Default);

    /// <summary>Waits until so many workers have heard of a pause.</summary>
    public static async Task PausedAsync(params ServiceProcess[] workers)
    {
        foreach (var worker in workers)
        {
            await worker.Process.LineAsync(line => line.Contains("Paused", StringComparison.Ordinal), "the pause is heard of");
        }
    }

    /// <summary>The cancellations, in a bucket as workers make it, who need longer to open one that is made otherwise.</summary>
    public async Task<INatsKVStore> CancellationsAsync() =>
        await Connection.CreateKeyValueStoreContext().CreateOrUpdateStoreAsync(
            new NatsKVConfig(StreamNames.Cancelled) { History = 1, MaxAge = BucketShape.CancellationAge, MaxBytes = BucketShape.Cancelled(new StreamLimits()).MaxBytes });

    /// <summary>Stored results, in the bucket that is there, or one as the gateway makes it.</summary>
    public Task<INatsKVStore> ResultsAsync() => BucketAsync(new NatsKVConfig(StreamNames.Results) { History = 1, MaxAge = BucketShape.MaxResultAge });

    /// <summary>What is paused, in the bucket that is there, or one as workers make it.</summary>
    public Task<INatsKVStore> PausesAsync() => BucketAsync(new NatsKVConfig(StreamNames.Paused) { History = 1 });

    /// <summary>Cancels all waiting calls of a kind, as the gateway does.</summary>
    public async Task CancelManyAsync(BulkCancellation many) =>
        await (await CancellationsAsync()).PutAsync(BulkCancellation.Key(Guid.NewGuid().ToString("N")), many.Encode(), NatsRawSerializer<byte[]>.Default);

    /// <summary>Waits until the worker has heard of a bulk cancellation.</summary>
    public Task<string> ManyAreHeardOfAsync() =>
        Worker.Process.LineAsync(line => line.Contains("Waiting calls of a kind are cancelled", StringComparison.Ordinal), "the cancellation is heard of");

    /// <summary>
    /// Waits until the worker has heard of all cancellations that there are, for which calls wait only so long. They are told in their order: one of no call is
    /// the last.
    /// </summary>
    public async Task AllAreHeardOfAsync()
    {
        await CancelManyAsync(new BulkCancellation { At = TimeProvider.System.GetUtcNow(), Tag = "of no call", Queue = Queue });
        await ManyAreHeardOfAsync();
    }

    // One that is there may heed ages of single entries, which no update takes from it.
    private async Task<INatsKVStore> BucketAsync(NatsKVConfig config)
    {
        var buckets = Connection.CreateKeyValueStoreContext();
        try
        {
            return await buckets.CreateStoreAsync(config);
        }
        catch (NatsJSApiException)
        {
            return await buckets.GetStoreAsync(config.Bucket);
        }
    }

    /// <summary>How many messages a stream ever stored.</summary>
    public async Task<ulong> StoredAsync(string stream) => (await JetStream.GetStreamAsync(stream)).Info.State.LastSeq;

    /// <summary>Waits until so many messages lie in a stream.</summary>
    public Task HoldsAsync(string stream, long count) =>
        Eventually.HoldsAsync(async () => await CountAsync(stream) == count, $"{stream} holds {count} messages; the worker wrote:\n{Worker?.Process.Tail()}");

    /// <summary>Waits until every call and callback came to its end, and none lies aside.</summary>
    public async Task IsEmptyAsync()
    {
        await HoldsAsync(Aside, 0);
        await HoldsAsync(Calls, 0);
        await HoldsAsync(Callbacks, 0);
    }

    /// <summary>Waits for a call's dead letter.</summary>
    public async Task<StoredRecord> DeadLetterAsync(Envelope call) =>
        await Eventually.GetAsync(
            async () => (await ReadAsync(Dead)).FirstOrDefault(r => r.Envelope?.DeliveryId == call.DeliveryId), $"a dead letter; the worker wrote:\n{Worker?.Process.Tail()}");

    public async ValueTask DisposeAsync()
    {
        foreach (var part in _parts)
        {
            await part.DisposeAsync();
        }

        await Connection.DisposeAsync();
        await Http.DisposeAsync();
        if (_ownsServer)
        {
            await Server.DisposeAsync();
        }
    }
}

/// <summary>A message as it lies in a stream.</summary>
public sealed record StoredRecord(string Subject, NatsHeaders Headers, byte[] Body)
{
    public Envelope? Envelope => EnvelopeCodec.TryDecode(Header(EnvelopeCodec.HeaderName), out _);

    public Biography Biography => Streams.Records.Biography.TryDecode(Header(Streams.Records.Biography.HeaderName)) ?? throw new InvalidOperationException("No biography.");

    public CallbackRecord? Callback => CallbackRecord.TryDecode(Header(CallbackRecord.HeaderName));

    public string? Header(string name) => Headers.TryGetValue(name, out var values) ? values.ToString() : null;
}
