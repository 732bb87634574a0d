using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;
using NATS.Net;

namespace Connectors.EndToEnd.Tests;

/// <summary>What docs/operations.md tells operators to do, done.</summary>
public sealed partial class OperationsTests
{
    private const string DeadLetters = "OF_faas-request_DEAD";

    // Of those whose consumers last, and of what there is at least once a call has been made: the streams of a queue, and the buckets that workers watch.
    private static readonly string[] Lasting = ["OF_faas-request", "OF_faas-request_CALLBACKS", DeadLetters];
    private static readonly string[] Least = [.. Lasting, "OF_faas-request_ASIDE", "OF_faas-request_HISTORY", "KV_OF_cancelled", "KV_OF_paused"];

    private int _calls;

    [Fact]
    public async Task One_server_becomes_three_and_the_one_that_dies_is_not_missed()
    {
        await using var cluster = await NatsCluster.StartAsync(TryReplicasAsync);
        await using var pipeline = await Pipeline.StartAsync(nats: cluster.Servers[0]);
        await CallAsync(pipeline, 5);

        // A stream that is being raised may have no leader for a while: callers repeat, and the gateway does not wait long for an answer that was lost.
        await pipeline.RollAsync(new Dictionary<string, string> { ["nats_stream_replicas"] = "3", ["nats_publish_timeout"] = "10s" });
        await CallAsync(pipeline, 5, mayBeRefused: true);

        // Streams are raised first, their consumers after them: until then the one server may not go.
        await Eventually.HoldsAsync(() => IsOnThreeAsync(pipeline.Nats), "all streams and their consumers lie on three servers");

        // Both services know the others from the one whose address they were given.
        await cluster.Servers[0].KillAsync();
        await CallAsync(pipeline, 10, mayBeRefused: true);
        await EndAsync(pipeline);
    }

    [Fact]
    public async Task Lost_streams_are_made_anew_and_nothing_is_restarted()
    {
        await using var pipeline = await Pipeline.StartAsync();
        await CallAsync(pipeline, 5);
        await EndAsync(pipeline);

        // These two are made once somebody needs them.
        var lost = (await AllStreamsAsync(pipeline.Nats)).Except(["KV_OF_results", "KV_OF_redrives"]).ToList();

        await pipeline.Nats.KillAsync();
        Directory.Delete(Path.Combine(pipeline.Nats.Home, "data"), recursive: true);
        await pipeline.Nats.StartAgainAsync();

        // Callers repeat what was not accepted; what was is run and called back.
        await CallAsync(pipeline, 5, mayBeRefused: true);
        await EndAsync(pipeline);
        IReadOnlyList<string> missing = [];
        await Eventually.HoldsAsync(
            async () => (missing = [.. lost.Except(await StreamsAsync(pipeline.Nats))]).Count == 0, () => $"all streams are there again, also {string.Join(", ", missing)}");
    }

    // Of the two services, one is told how long keys are to count.
    [Fact]
    public async Task A_stream_that_the_worker_makes_anew_has_the_window_that_its_gateway_was_told()
    {
        const string Calls = "OF_faas-request";
        await using var pipeline = await Pipeline.StartAsync(gateway: new Dictionary<string, string> { ["nats_duplicate_window"] = "10m", ["nats_publish_timeout"] = "10s" });
        await using var nats = new NatsClient(StreamBackup.Patient(pipeline.Nats));
        var js = nats.CreateJetStreamContext();
        await CallAsync(pipeline, 1);
        await EndAsync(pipeline);

        // The worker too stands still while it is deleted: nats-server takes a stream that is being deleted and made at the same time for there.
        pipeline.Gateway.Process.Pause();
        pipeline.Worker.Process.Pause();
        await js.DeleteStreamAsync(Calls);
        pipeline.Worker.Process.Resume();
        await Eventually.HoldsAsync(async () => await WindowAsync() == TimeSpan.FromMinutes(2), "the worker has made it");
        pipeline.Gateway.Process.Resume();

        await Eventually.HoldsAsync(
            async () =>
            {
                await CallAsync(pipeline, 1, mayBeRefused: true);
                return await WindowAsync() == TimeSpan.FromMinutes(10);
            },
            "it has the gateway's window again");
        await EndAsync(pipeline);

        async Task<TimeSpan> WindowAsync() => (await js.GetStreamAsync(Calls)).Info.Config.DuplicateWindow;
    }

    [Fact]
    public async Task Dead_letters_are_restored_from_a_backup_and_from_a_copy_of_the_store_and_redriven()
    {
        // Dies until it is said to be mended.
        var mended = false;
        await using var pipeline = await Pipeline.StartAsync(
            (_, http) =>
            {
                http.Response.StatusCode = Volatile.Read(ref mended) ? StatusCodes.Status200OK : StatusCodes.Status400BadRequest;
                return Task.CompletedTask;
            });
        for (var i = 0; i < 3; i++)
        {
            using var accepted = await pipeline.CallAsync("work", [(byte)i]);
        }

        await pipeline.EndsAsync(dead: 3);
        var before = (await pipeline.QueueAsync(HttpMethod.Get, "/dead"))!.ToJsonString();

        // nats stream backup, the stream's end, nats stream restore. The worker looks every few seconds and makes the stream anew: if it was the quicker one, the
        // restore is refused, and both are done again, as the page says.
        var backup = await StreamBackup.TakeAsync(pipeline.Nats, DeadLetters);
        await using (var nats = new NatsClient(StreamBackup.Patient(pipeline.Nats)))
        {
            var js = nats.CreateJetStreamContext();
            await Eventually.HoldsAsync(
                async () =>
                {
                    try
                    {
                        await js.DeleteStreamAsync(DeadLetters);
                    }
                    catch (NatsJSApiException missing) when (missing.Error.Code == 404)
                    {
                        // It was deleted in the round before, and nobody made it since.
                    }

                    await backup.RestoreAsync(pipeline.Nats);
                    return true;
                },
                "the stream is restored");
        }

        Assert.Equal(before, (await pipeline.QueueAsync(HttpMethod.Get, "/dead"))!.ToJsonString());

        // A stopped server's store, copied and started elsewhere: all of it at once.
        await pipeline.Nats.StopAsync();
        var data = Path.Combine(pipeline.Nats.Home, "data");
        Directory.Move(data, data + "-copy");
        Copy(new DirectoryInfo(data + "-copy"), Directory.CreateDirectory(data));
        await pipeline.Nats.StartAgainAsync();
        await Eventually.HoldsAsync(async () => (await pipeline.QueueAsync(HttpMethod.Get, "/dead"))!.ToJsonString() == before, "they are all there");

        Volatile.Write(ref mended, true);
        await pipeline.QueueAsync(HttpMethod.Post, "/redrives", new { });
        await pipeline.EndsAsync(dead: 0);
        Assert.Equal([0, 1, 2], pipeline.Function.Requests.TakeLast(3).Select(request => (int)request.Body[0]).Order());
    }

    // The streams are those that the page picks.
    [Fact]
    public async Task Everything_is_moved_to_another_server_and_what_was_cancelled_or_paused_stays_so()
    {
        var picks = Picked().Match(await File.ReadAllTextAsync(Path.Combine(Tools.RepositoryRoot, "docs", "how-to", "back-up.md"))).Groups[1].Value;
        await using var there = await NatsServer.StartAsync();
        await using (var here = await Pipeline.StartAsync())
        {
            Assert.Equal(0, await here.Worker.TerminateAsync());
            foreach (var id in new[] { "kept", "cancelled" })
            {
                using var accepted = await here.CallAsync("work", Encoding.UTF8.GetBytes(id), ("X-Call-Id", id));
                Assert.Equal(HttpStatusCode.Accepted, accepted.StatusCode);
            }

            using var cancelled = await here.CancelAsync("cancelled");
            Assert.Equal(HttpStatusCode.Accepted, cancelled.StatusCode);
            await here.QueueAsync(HttpMethod.Post, "/pause", new { reason = "it moves" });
            Assert.Equal(0, await here.Gateway.TerminateAsync());
            foreach (var stream in (await StreamsAsync(here.Nats)).Where(name => picks.Length > 0 && Regex.IsMatch(name, picks)))
            {
                await (await StreamBackup.TakeAsync(here.Nats, stream)).RestoreAsync(there);
            }
        }

        await using var pipeline = await Pipeline.StartAsync(nats: there);
        Assert.Equal("it moves", (string?)(await pipeline.QueueAsync(HttpMethod.Get))!["paused"]?["reason"]);
        await pipeline.QueueAsync(HttpMethod.Post, "/resume");
        await pipeline.EndsAsync(dead: 1);
        Assert.Equal(["kept"], pipeline.Function.Requests.Select(request => request.Text));
    }

    [Fact]
    public async Task Secrets_are_rotated_while_calls_come_and_none_is_refused_or_lost()
    {
        await using var nats = await NatsServer.StartAsync(Users("one"));
        await using var pipeline = await Pipeline.StartAsync(
            nats: nats, gateway: Login, worker: Login, secrets: new Dictionary<string, string> { ["nats-user"] = "one", ["nats-password"] = "p-one" });
        using var end = new CancellationTokenSource();
        var caller = KeepCallingAsync(pipeline, end.Token);
        await pipeline.Callbacks.ReceivesAsync(3);

        // The server takes both, then the new one only, which cuts whoever came with the old.
        await pipeline.Nats.ReloadAsync(Users("one", "two"));
        await pipeline.WriteSecretAsync("nats-user", "two");
        await pipeline.WriteSecretAsync("nats-password", "p-two");
        await pipeline.Nats.ReloadAsync(Users("two"));
        await MoreAsync(pipeline, "after NATS's user");

        await pipeline.WriteSecretAsync("callback-secret", "whsec_b25lb25lb25lb25lb25lb25l\nwhsec_dHdvdHdvdHdvdHdvdHdvdHdv\n");
        await Eventually.HoldsAsync(() => pipeline.Callbacks.Requests.Any(request => request.Header("webhook-signature")?.Split(' ').Length == 2), () => $"callbacks are signed with both; the worker wrote:\n{pipeline.Worker.Process.Tail()}");
        await pipeline.WriteSecretAsync("callback-secret", "whsec_dHdvdHdvdHdvdHdvdHdvdHdv\n");
        await Eventually.HoldsAsync(() => pipeline.Callbacks.Requests.Last().Header("webhook-signature")?.Split(' ').Length == 1, "and with the new one alone");

        await pipeline.WriteSecretAsync("basic-auth-password", "rotated");
        await Eventually.HoldsAsync(async () => await StatusAsync(pipeline, "rotated") == HttpStatusCode.OK, "the new password opens /system");
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(pipeline, "e2e"));

        await end.CancelAsync();
        Assert.Empty(await caller);
        await EndAsync(pipeline);
    }

    private static Dictionary<string, string> Login => new() { ["nats_user_file"] = "nats-user", ["nats_password_file"] = "nats-password" };

    // Without the first word nats-server 2.10, which has JetStream by a flag, would stop it when it reads this again.
    private static async Task TryReplicasAsync(NatsServer server)
    {
        await using var nats = new NatsConnection(new NatsOpts { Url = server.Url });
        var js = nats.CreateJetStreamContext();
        await js.CreateStreamAsync(new StreamConfig("TRY", ["try"]) { NumReplicas = 3 });
        await js.DeleteStreamAsync("TRY");
    }

    private static string Users(params string[] names) =>
        $"accounts {{ A: {{ jetstream: enabled, users: [ {string.Join(", ", names.Select(name => $"{{ user: {name}, password: p-{name} }}"))} ] }} }}";

    private static void Copy(DirectoryInfo from, DirectoryInfo to)
    {
        foreach (var file in from.GetFiles())
        {
            file.CopyTo(Path.Combine(to.FullName, file.Name));
        }

        foreach (var folder in from.GetDirectories())
        {
            Copy(folder, to.CreateSubdirectory(folder.Name));
        }
    }

    private static async Task<HttpStatusCode> StatusAsync(Pipeline pipeline, string password)
    {
        using var http = new HttpClient(new SocketsHttpHandler());
        http.DefaultRequestHeaders.Authorization = new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"admin:{password}")));
        using var answer = await http.GetAsync(new Uri(pipeline.Gateway.Api, "/system/queues"));
        return answer.StatusCode;
    }

    private static async Task<bool> IsOnThreeAsync(NatsServer server)
    {
        await using var nats = new NatsConnection(new NatsOpts { Url = server.Url });
        var streams = (await StreamBackup.AskAsync(nats, "$JS.API.STREAM.LIST", []))["streams"]!;
        if (Least.Except(streams.AsArray().Select(stream => (string)stream!["config"]!["name"]!)).Any())
        {
            return false;
        }

        var lists = new List<JsonNode> { streams };
        foreach (var stream in Lasting)
        {
            lists.Add((await StreamBackup.AskAsync(nats, $"$JS.API.CONSUMER.LIST.{stream}", []))["consumers"]!);
        }

        // "desired" is there while peers are exchanged.
        return lists.SelectMany(list => list.AsArray()).Select(item => item!["cluster"]!)
            .All(cluster => cluster["leader"] is not null && cluster["desired"] is null && cluster["replicas"]?.AsArray().Count(replica => (bool)replica!["current"]!) == 2);
    }

    // Once all are made that a call needs.
    private static async Task<IReadOnlyList<string>> AllStreamsAsync(NatsServer server)
    {
        IReadOnlyList<string> all = [];
        await Eventually.HoldsAsync(async () => !Least.Except(all = await StreamsAsync(server)).Any(), () => $"there are the streams of a queue and its buckets; there are {string.Join(", ", all)}");
        return all;
    }

    private static async Task<IReadOnlyList<string>> StreamsAsync(NatsServer server)
    {
        await using var nats = new NatsConnection(StreamBackup.Patient(server));
        return [.. (await StreamBackup.AskAsync(nats, "$JS.API.STREAM.NAMES", []))["streams"]!.AsArray().Select(name => (string)name!)];
    }

    [GeneratedRegex("nats stream ls --all --names \\| grep -E '([^']+)'")]
    private static partial Regex Picked();

    // Every accepted call ended: each was called back, with its own body.
    private async Task EndAsync(Pipeline pipeline) => await Eventually.HoldsAsync(
        () => pipeline.Callbacks.Answered.Select(request => request.Query).Distinct().Count() == _calls,
        () => $"{_calls} calls are called back; the worker wrote:\n{pipeline.Worker.Process.Tail()}");

    private static Task MoreAsync(Pipeline pipeline, string when)
    {
        var before = pipeline.Callbacks.Answered.Count;
        return Eventually.HoldsAsync(() => pipeline.Callbacks.Answered.Count > before + 3, $"calls go on {when}");
    }

    private async Task CallAsync(Pipeline pipeline, int count, bool mayBeRefused = false)
    {
        for (var i = 0; i < count; i++)
        {
            var number = (_calls++).ToString(CultureInfo.InvariantCulture);
            HttpStatusCode status;
            do
            {
                using var answer = await pipeline.CallAsync("work", Encoding.UTF8.GetBytes(number), ("X-Callback-Url", $"{pipeline.Callbacks.Url}?{number}"), ("Idempotency-Key", number));
                status = answer.StatusCode;
                Assert.True(status == HttpStatusCode.Accepted || (mayBeRefused && status == HttpStatusCode.ServiceUnavailable), $"{number}: {status} {await answer.Content.ReadAsStringAsync()}");
            }
            while (status != HttpStatusCode.Accepted);
        }
    }

    // What was answered otherwise than with 202.
    private async Task<IReadOnlyCollection<HttpStatusCode>> KeepCallingAsync(Pipeline pipeline, CancellationToken end)
    {
        var refused = new ConcurrentBag<HttpStatusCode>();
        while (!end.IsCancellationRequested)
        {
            var number = (_calls++).ToString(CultureInfo.InvariantCulture);
            using var answer = await pipeline.CallAsync("work", Encoding.UTF8.GetBytes(number), ("X-Callback-Url", $"{pipeline.Callbacks.Url}?{number}"), ("Idempotency-Key", number));
            if (answer.StatusCode != HttpStatusCode.Accepted)
            {
                refused.Add(answer.StatusCode);
            }

            await Eventually.HoldsAsync(() => _calls - refused.Count - pipeline.Callbacks.Answered.Count < 20, "calls are not far ahead of what comes of them");
        }

        return refused;
    }
}
