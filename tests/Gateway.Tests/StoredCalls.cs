using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using Connectors.Testing;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.KeyValueStore;
using NATS.Net;

namespace Connectors.Gateway.Tests;

/// <summary>What lies in a queue's stream.</summary>
public sealed class StoredCalls(NatsServer server) : IAsyncDisposable
{
    private readonly NatsConnection _connection = new(OptionsFor(server));

    public INatsJSContext JetStream => field ??= _connection.CreateJetStreamContext();

    /// <summary>For a test's own connection: on a busy machine the server may be slow to answer.</summary>
    public static NatsOpts OptionsFor(NatsServer nats) => new()
    {
        Url = nats.Url,
        ConnectTimeout = Eventually.Patience,
        RequestTimeout = Eventually.Patience,
        CommandTimeout = Eventually.Patience,
    };

    /// <summary>What anybody sends to a subject from now on.</summary>
    public async Task<INatsSub<string>> ListenAsync(string subject)
    {
        var heard = await _connection.SubscribeCoreAsync<string>(subject);
        await _connection.PingAsync();
        return heard;
    }

    /// <summary>The last message stored.</summary>
    public async Task<StoredCall> LastAsync(string queue = StreamNames.DefaultQueue)
    {
        var count = (await JetStream.GetStreamAsync(StreamNames.Calls(queue))).Info.State.LastSeq;
        return await GetAsync(count, queue);
    }

    /// <summary>The last message of a stream.</summary>
    public async Task<StoredCall> LastOfAsync(string stream) => await GetFromAsync((await JetStream.GetStreamAsync(stream)).Info.State.LastSeq, stream);

    public Task<StoredCall> GetAsync(ulong sequence, string queue = StreamNames.DefaultQueue) => GetFromAsync(sequence, StreamNames.Calls(queue));

    private async Task<StoredCall> GetFromAsync(ulong sequence, string name)
    {
        var stream = await JetStream.GetStreamAsync(name);
        var message = (await stream.GetAsync(new() { Seq = sequence })).Message;
        var headers = Headers(Convert.FromBase64String(message.Hdrs ?? ""));
        var envelope = EnvelopeCodec.TryDecode(headers.GetValueOrDefault(EnvelopeCodec.HeaderName), out var error);
        Assert.True(envelope is not null, error);
        return new StoredCall(message.Subject, envelope, message.Data.ToArray(), headers);
    }

    /// <summary>The call id of every message.</summary>
    public async Task<IReadOnlyList<string>> CallIdsAsync(string queue = StreamNames.DefaultQueue)
    {
        var last = (await JetStream.GetStreamAsync(StreamNames.Calls(queue))).Info.State.LastSeq;
        var ids = new List<string>();
        for (var sequence = 1ul; sequence <= last; sequence++)
        {
            ids.Add((await GetAsync(sequence, queue)).Envelope.CallId);
        }

        return ids;
    }

    public async Task<ulong> CountAsync(string queue = StreamNames.DefaultQueue)
    {
        try
        {
            return (ulong)(await JetStream.GetStreamAsync(StreamNames.Calls(queue))).Info.State.Messages;
        }
        catch (NatsJSApiException missing) when (missing.Error.Code == 404)
        {
            return 0;
        }
    }

    /// <summary>Stores what a call came to, as a worker does: it failed with 418.</summary>
    public async Task StoreResultAsync(string id, byte[] body, TimeSpan expires)
    {
        var bucket = await ResultsAsync();
        var record = new StoredResult
        {
            State = DeadReasons.Failed,
            Function = "echo.openfaas-fn",
            Status = 418,
            Headers = [new("Content-Type", "image/teapot"), new("X-Two", "a"), new("X-Two", "b"), new("X-Call-State", "mine"), new("Connection", "close"), new("Content-Length", "7")],
            Expires = TimeProvider.System.GetUtcNow() + expires,
        };
        await bucket.PutAsync(StreamNames.Token(id), record.Encode(body), NatsRawSerializer<byte[]>.Default);
    }

    /// <summary>Says of a call that it waits, as a gateway did that named no queue.</summary>
    public async Task StoreQueuedAsync(string id)
    {
        var bucket = await ResultsAsync();
        var record = new StoredResult { State = StoredResult.Queued, Function = "echo.openfaas-fn", Expires = TimeProvider.System.GetUtcNow().AddHours(1) };
        await bucket.PutAsync(StreamNames.Token(id), record.Encode([]), NatsRawSerializer<byte[]>.Default);
    }

    /// <summary>Says what a worker has in hand, as it does every other second.</summary>
    public async Task ReportAsync(string queue, string function, long running)
    {
        var report = new WorkerReport { Worker = "w", Running = new Dictionary<string, long> { [function] = running } };
        await _connection.PublishAsync(StreamNames.Reports(queue), report.Encode(), serializer: NatsRawSerializer<byte[]>.Default);
        await _connection.PingAsync();
    }

    public ValueTask DisposeAsync() => _connection.DisposeAsync();

    // Of the gateway, or as it makes it.
    private async Task<INatsKVStore> ResultsAsync()
    {
        var buckets = _connection.CreateKeyValueStoreContext();
        try
        {
            return await buckets.CreateStoreAsync(new NatsKVConfig(StreamNames.Results) { History = 1, MaxAge = BucketShape.MaxResultAge });
        }
        catch (NatsJSApiException)
        {
            return await buckets.GetStoreAsync(StreamNames.Results);
        }
    }

    private static Dictionary<string, string> Headers(byte[] block) =>
        System.Text.Encoding.ASCII.GetString(block).Split("\r\n").Skip(1).Where(line => line.Contains(':', StringComparison.Ordinal))
            .ToDictionary(line => line[..line.IndexOf(':', StringComparison.Ordinal)], line => line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim());
}

/// <summary>A stored call.</summary>
public sealed record StoredCall(string Subject, Envelope Envelope, byte[] Body, IReadOnlyDictionary<string, string> Headers);
