using System.Text;
using System.Text.Json.Nodes;
using NATS.Client.Core;

namespace Connectors.Testing;

/// <summary>A stream as the server hands it out and takes it back, which is what <c>nats stream backup</c> and <c>restore</c> do.</summary>
internal sealed class StreamBackup(string stream, JsonNode shape, IReadOnlyList<byte[]> chunks)
{
    public static async Task<StreamBackup> TakeAsync(NatsServer server, string stream)
    {
        await using var nats = new NatsConnection(Patient(server));

        // A subscription of its own: the server waits for two seconds if it sees none of exactly this subject.
        var inbox = $"backup.{Guid.NewGuid():N}";
        await using var chunks = await nats.SubscribeCoreAsync<byte[]>(inbox);
        var answer = await AskAsync(nats, $"$JS.API.STREAM.SNAPSHOT.{stream}", new JsonObject { ["deliver_subject"] = inbox, ["no_consumers"] = true });
        var all = new List<byte[]>();
        await foreach (var chunk in chunks.Msgs.ReadAllAsync())
        {
            if (chunk.Data is not { Length: > 0 } data)
            {
                break;
            }

            all.Add(data);
            if (chunk.ReplyTo is not null)
            {
                await chunk.ReplyAsync(Array.Empty<byte>());
            }
        }

        return new StreamBackup(stream, answer, all);
    }

    public async Task RestoreAsync(NatsServer server)
    {
        await using var nats = new NatsConnection(Patient(server));
        var answer = await AskAsync(nats, $"$JS.API.STREAM.RESTORE.{stream}", new JsonObject { ["config"] = shape["config"]!.DeepClone(), ["state"] = shape["state"]!.DeepClone() });
        var subject = (string)answer["deliver_subject"]!;
        foreach (var chunk in chunks)
        {
            await nats.RequestAsync<byte[], byte[]>(subject, chunk);
        }

        var end = await nats.RequestAsync<byte[], byte[]>(subject, []);
        Assert.Null(JsonNode.Parse(end.Data)!["error"]);
    }

    /// <summary>For what is asked once. What is asked again and again while servers come and go keeps the usual limits: an answer that was lost would be waited for.</summary>
    public static NatsOpts Patient(NatsServer server) => new()
    {
        Url = server.Url,
        ConnectTimeout = Eventually.Patience,
        RequestTimeout = Eventually.Patience,
        CommandTimeout = Eventually.Patience,
    };

    /// <summary>What the server answers to a request of its API, which is no error.</summary>
    public static async Task<JsonNode> AskAsync(NatsConnection nats, string subject, JsonObject request)
    {
        var answer = JsonNode.Parse((await nats.RequestAsync<byte[], byte[]>(subject, Encoding.UTF8.GetBytes(request.ToJsonString()))).Data)!;
        Assert.Null(answer["error"]);
        return answer;
    }
}
