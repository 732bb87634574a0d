using System.Globalization;
using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;
using NATS.Client.Core;
using NATS.Client.JetStream.Models;
using NATS.Client.KeyValueStore;
using NATS.Net;

namespace Connectors.EndToEnd.Tests;

/// <summary>Users of NATS that may do what docs/operations.md lists for each part, and nothing else.</summary>
public sealed partial class NatsPermissionsTests
{
    private static readonly string[] Parts = ["gateway", "queue-worker", "cron-connector"];

    [Theory]
    [InlineData("static")]
    [InlineData("function")]
    public async Task Calls_come_to_each_of_their_ends_and_nobody_asks_for_more_than_the_page_lists(string mode)
    {
        // One kind of call fails once, another until it is said to be mended.
        var mended = false;
        await using var nats = await NatsServer.StartAsync(await ConfigAsync());
        await using var pipeline = await Pipeline.StartAsync(
            (request, http) =>
            {
                http.Response.StatusCode = request.Text switch
                {
                    "flaky" when request.Header("X-Attempt") == "1" => StatusCodes.Status500InternalServerError,
                    "bad" when !Volatile.Read(ref mended) => StatusCodes.Status400BadRequest,
                    _ => StatusCodes.Status200OK,
                };
                return Task.CompletedTask;
            },
            worker: new Dictionary<string, string>(Login("queue-worker")) { ["scaling_mode"] = mode },
            gateway: Login("gateway"),
            nats: nats,
            secrets: new Dictionary<string, string>(Parts.ToDictionary(part => part)) { ["nats-password"] = "secret" });

        var flaky = await AcceptAsync("work", "flaky", ("X-Callback-Url", pipeline.Callbacks.Url.ToString()), ("X-Store-Result", "1h"));
        await pipeline.Callbacks.ReceivesAsync(1);
        using var result = await pipeline.ResultAsync(flaky);
        Assert.Equal(HttpStatusCode.OK, result.StatusCode);

        var gone = await AcceptAsync("work", "gone", ("X-Delay", "10s"));
        using var cancelled = await pipeline.CancelAsync(gone);
        Assert.Equal(HttpStatusCode.Accepted, cancelled.StatusCode);
        await AcceptAsync("work", "late", ("X-Delay", "1s"));
        await RunsAsync("late");

        await pipeline.QueueAsync(HttpMethod.Post, "/functions/other/pause", new { reason = "its store moves" });
        await pipeline.Worker.Process.LineAsync(line => line.Contains("Paused", StringComparison.Ordinal), "the worker heard of it");
        await AcceptAsync("other", "held");
        await Eventually.HoldsAsync(async () => (int)(await pipeline.QueueAsync(HttpMethod.Get))!["held"]! == 1, "the call of the paused function is put aside");
        await pipeline.QueueAsync(HttpMethod.Post, "/functions/other/resume");
        await RunsAsync("held");

        await AcceptAsync("work", "bad");
        await pipeline.EndsAsync(dead: 2);
        var letter = (await pipeline.QueueAsync(HttpMethod.Get, "/dead?reason=cancelled"))!["items"]!.AsArray().Single()!;
        await pipeline.QueueAsync(HttpMethod.Delete, $"/dead/{letter["seq"]}");
        Volatile.Write(ref mended, true);
        await pipeline.QueueAsync(HttpMethod.Post, "/redrives", new { });
        await pipeline.EndsAsync(dead: 0);
        await RunsAsync("bad", times: 2);

        await AcceptAsync("work", "purged", ("X-Delay", "1h"));
        Assert.Equal(1, (int)(await pipeline.QueueAsync(HttpMethod.Delete, "/calls"))!["purged"]!);
        await Eventually.HoldsAsync(async () => (await pipeline.SystemAsync(HttpMethod.Get, $"calls/{flaky}"))!["calls"]!.AsArray().Count == 1, "the history tells of the first call");

        await pipeline.SystemAsync(HttpMethod.Post, "functions", new
        {
            service = "ticked",
            image = "none",
            envVars = new { upstream_url = $"{pipeline.Function.Url}ticked/" },
            annotations = new Dictionary<string, string> { ["topic"] = "cron-function", ["schedule"] = "@every 1s" },
        });
        await using var cron = await ServiceProcess.StartAsync("CronConnector", new Dictionary<string, string>(Login("cron-connector"))
        {
            ["gateway_url"] = pipeline.Gateway.Api.ToString(),
            ["nats_host"] = "127.0.0.1",
            ["nats_port"] = nats.Port.ToString(CultureInfo.InvariantCulture),
            ["rebuild_interval"] = "1s",
            ["basic_auth"] = "true",
            ["secret_mount_path"] = pipeline.Secrets,
        });
        await pipeline.Function.ReceivesAsync(2, request => request.Path.StartsWith("/ticked", StringComparison.Ordinal));

        Assert.Empty(Refused(nats));

        async Task<string> AcceptAsync(string function, string body, params (string Name, string Value)[] headers)
        {
            using var accepted = await pipeline.CallAsync(function, Encoding.UTF8.GetBytes(body), headers);
            Assert.Equal(HttpStatusCode.Accepted, accepted.StatusCode);
            return accepted.Headers.GetValues("X-Call-Id").Single();
        }

        Task RunsAsync(string body, int times = 1) => pipeline.Function.ReceivesAsync(times, request => request.Text == body);
    }

    [Theory]
    [InlineData("gateway", "$JS.API.STREAM.DELETE.OF_faas-request")]
    [InlineData("gateway", "faas-request.dead.call.openfaas-fn.work")]
    [InlineData("queue-worker", "$JS.API.STREAM.PURGE.OF_faas-request")]
    [InlineData("queue-worker", "other.call.normal.openfaas-fn.work")]
    [InlineData("cron-connector", "faas-request.call.normal.openfaas-fn.work")]
    public async Task What_the_page_does_not_list_is_refused(string part, string subject)
    {
        await using var nats = await NatsServer.StartAsync(await ConfigAsync());
        await using var connection = new NatsConnection(OptionsOf(nats, part));

        await connection.PublishAsync(subject);

        await Eventually.HoldsAsync(() => Refused(nats).Any(line => line.Contains(subject, StringComparison.Ordinal)), () => $"it is refused; nats-server wrote:\n{nats.Log}");
    }

    // Workers do it an hour after their start at first, which no test waits for.
    [Fact]
    public async Task A_worker_may_remove_what_ended_pauses_left()
    {
        await using var nats = await NatsServer.StartAsync(await ConfigAsync());
        await using var connection = new NatsConnection(OptionsOf(nats, "queue-worker"));
        var bucket = await connection.CreateKeyValueStoreContext().CreateStoreAsync(new NatsKVConfig("OF_paused") { History = 1 });
        await bucket.DeleteAsync("paused.faas-request");
        await bucket.PutAsync("paused.other", "");

        await foreach (var entry in bucket.WatchAsync<string>(opts: new NatsKVWatchOpts { MetaOnly = true }))
        {
            if (entry.Delta == 0)
            {
                break;
            }
        }

        var removed = await connection.CreateJetStreamContext().PurgeStreamAsync("KV_OF_paused", new StreamPurgeRequest { Filter = "$KV.OF_paused.paused.faas-request", Seq = 2 });
        Assert.Equal(1, removed.Purged);
        Assert.Empty(Refused(nats));
    }

    private static NatsOpts OptionsOf(NatsServer nats, string part) =>
        new() { Url = nats.Url, ConnectTimeout = TimeSpan.FromSeconds(20), AuthOpts = new NatsAuthOpts { Username = part, Password = "secret" } };

    private static Dictionary<string, string> Login(string part) => new() { ["nats_user_file"] = part, ["nats_password_file"] = "nats-password" };

    private static IEnumerable<string> Refused(NatsServer nats) => nats.Notices.Where(line => line.Contains("Violation", StringComparison.Ordinal));

    private static async Task<string> ConfigAsync()
    {
        var page = await File.ReadAllTextAsync(Path.Combine(Tools.RepositoryRoot, "docs", "operations.md"));
        var listed = Permissions().Matches(page).ToDictionary(match => match.Groups[1].Value, match => match.Groups[2].Value);
        Assert.Equal(Parts.Order(), listed.Keys.Order());
        return $"accounts {{ A: {{ jetstream: enabled, users: [ {string.Join(", ", listed.Select(part => $"{{ user: {part.Key}, password: secret\n{part.Value} }}"))} ] }} }}";
    }

    [GeneratedRegex(@"```conf\n# ([a-z-]+)\n(permissions: .*?)```", RegexOptions.Singleline)]
    private static partial Regex Permissions();
}
