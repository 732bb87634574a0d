using System.Text;
using Connectors.Testing;

namespace Connectors.QueueWorker.Tests;

/// <summary>Callbacks' signatures, judged by a verifier that the published vector vouches for.</summary>
public sealed class SignatureTests(SharedNats nats) : IClassFixture<SharedNats>
{
    private const string Published = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    private const string Second = "whsec_c2Vjb25kLXNlY3JldC1vZi0yNC1ieXRlcw==";

    // The vector of Standard Webhooks 1.0.0.
    private const string Id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    private const string Timestamp = "1614265330";
    private const string Body = "{\"test\": 2432232314}";
    private const string Signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    [Theory]
    [InlineData(Id, Timestamp, Signature, Body, true)]
    [InlineData(Id, Timestamp, "v1,AAAA " + Signature, Body, true)]
    [InlineData(Id, Timestamp, Signature, "{\"test\": 2432232315}", false)]
    [InlineData("msg_p5jXN8AQM9LWM0D4loKWxJel", Timestamp, Signature, Body, false)]
    [InlineData(Id, "1614265331", Signature, Body, false)]
    [InlineData(Id, Timestamp, "v1,h0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", Body, false)]
    [InlineData(Id, Timestamp, "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", Body, false)]
    public void The_verifier_takes_the_published_vector_and_nothing_beside_it(string id, string timestamp, string signature, string body, bool verifies) =>
        Assert.Equal(verifies, Verifies(Published, id, timestamp, signature, Encoding.UTF8.GetBytes(body), DateTimeOffset.FromUnixTimeSeconds(1614265330)));

    [Fact]
    public void The_verifier_refuses_an_old_message() =>
        Assert.False(Verifies(Published, Id, Timestamp, Signature, Encoding.UTF8.GetBytes(Body), DateTimeOffset.FromUnixTimeSeconds(1614265330 + 301)));

    [Fact]
    public async Task A_callback_is_signed_with_every_secret_and_changes_with_the_file()
    {
        var secrets = Directory.CreateTempSubdirectory("secrets-").FullName;
        var file = Path.Combine(secrets, "callback-secret");
        await File.WriteAllTextAsync(file, $"{Published}\nnonsense\n{Second}\n");
        await using var bench = await StartAsync(secrets, 0, 255, 10, 13);

        var both = await CallAsync(bench);
        await File.WriteAllTextAsync(file, Second);
        var second = await CallAsync(bench);
        File.Delete(file);
        var none = await CallAsync(bench);
        Directory.Delete(secrets, recursive: true);

        Assert.True(Verifies(Published, both));
        Assert.True(Verifies(Second, both));
        Assert.False(Verifies("whsec_b3RoZXI=", both));
        Assert.False(Verifies(Published, both, change: true));
        Assert.False(Verifies(Published, second));
        Assert.True(Verifies(Second, second));
        Assert.Null(none.Header("webhook-signature"));
        Assert.NotNull(none.Header("webhook-id"));
    }

    [Fact]
    public async Task A_callback_waits_for_a_secret_that_cannot_be_read_for_now()
    {
        var secrets = Directory.CreateTempSubdirectory("secrets-").FullName;
        var file = Path.Combine(secrets, "callback-secret");
        await using var bench = await StartAsync(secrets, 1);

        // A link to a folder, for which a file can be put in one step: a secret that is missing for a moment, or empty, would be none.
        Directory.CreateSymbolicLink(file, Directory.CreateDirectory(Path.Combine(secrets, "folder")).FullName);
        var call = await bench.EnqueueAsync(Bench.Call() with { Callback = bench.CallbackUrl.ToString() });
        await Eventually.HoldsAsync(
            async () => await bench.Worker.MetricAsync($"queue_worker_callback_attempts_total{{queue_name=\"{bench.Queue}\",outcome=\"unreachable\"}}") >= 3, "it is tried again");
        Assert.Empty(bench.Posts);

        await PutAsync(secrets, Published);
        await bench.IsEmptyAsync();
        Directory.Delete(secrets, recursive: true);

        var post = Assert.Single(bench.Posts);
        Assert.Equal(call.DeliveryId, post.Header("webhook-id"));
        Assert.True(Verifies(Published, post));
        Assert.Equal(0, await bench.CountAsync(bench.Dead));
    }

    [Fact]
    public async Task A_callback_waits_for_a_secret_of_which_no_line_is_usable_and_never_goes_out_unsigned()
    {
        var secrets = Directory.CreateTempSubdirectory("secrets-").FullName;
        await using var bench = await StartAsync(secrets, 1);

        await PutAsync(secrets, "whsec_not base64\n" + Published["whsec_".Length..]);
        await bench.EnqueueAsync(Bench.Call() with { Callback = bench.CallbackUrl.ToString() });
        await Eventually.HoldsAsync(
            async () => await bench.Worker.MetricAsync($"queue_worker_callback_attempts_total{{queue_name=\"{bench.Queue}\",outcome=\"unreachable\"}}") >= 3, "it is tried again");
        Assert.Empty(bench.Posts);

        await PutAsync(secrets, Published);
        await bench.IsEmptyAsync();
        Directory.Delete(secrets, recursive: true);

        Assert.True(Verifies(Published, Assert.Single(bench.Posts)));
        Assert.Equal(0, await bench.CountAsync(bench.Dead));
    }

    private Task<Bench> StartAsync(string secrets, params byte[] answer) => Bench.StartAsync(
        (request, http) => request.Path.StartsWith("/function/", StringComparison.Ordinal) ? http.Response.Body.WriteAsync(answer).AsTask() : Task.CompletedTask,
        new() { ["secret_mount_path"] = secrets },
        nats.Server);

    // In one step: a file that is empty for a moment would be no secret.
    private static async Task PutAsync(string secrets, string text)
    {
        var written = Path.Combine(secrets, "written");
        await File.WriteAllTextAsync(written, text);
        File.Move(written, Path.Combine(secrets, "callback-secret"), overwrite: true);
    }

    private static async Task<RecordedRequest> CallAsync(Bench bench)
    {
        var call = await bench.EnqueueAsync(Bench.Call() with { Callback = bench.CallbackUrl.ToString() });
        return await Eventually.GetAsync(() => Task.FromResult(bench.Posts.FirstOrDefault(p => p.Header("webhook-id") == call.DeliveryId)), "the callback");
    }

    private static bool Verifies(string secret, RecordedRequest post, bool change = false)
    {
        var body = post.Body.ToArray();
        body[0] ^= (byte)(change ? 1 : 0);
        return Verifies(secret, post.Header("webhook-id")!, post.Header("webhook-timestamp")!, post.Header("webhook-signature")!, body, post.At);
    }

    private static bool Verifies(string secret, string id, string timestamp, string signature, byte[] body, DateTimeOffset now) =>
        new WebhookVerifier(secret).Verifies(id, timestamp, signature, body, now);
}
