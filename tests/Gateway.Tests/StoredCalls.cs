using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using Connectors.Testing;
using NATS.Client.Core;
using NATS.Client.JetStream;
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

    public ValueTask DisposeAsync() => _connection.DisposeAsync();

    private static Dictionary<string, string> Headers(byte[] block) =>
        System.Text.Encoding.ASCII.GetString(block).Split("\r\n").Skip(1).Where(line => line.Contains(':', StringComparison.Ordinal))
            .ToDictionary(line => line[..line.IndexOf(':', StringComparison.Ordinal)], line => line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim());
}

/// <summary>A stored call.</summary>
public sealed record StoredCall(string Subject, Envelope Envelope, byte[] Body, IReadOnlyDictionary<string, string> Headers);
