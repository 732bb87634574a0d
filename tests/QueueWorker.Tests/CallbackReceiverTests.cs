using System.Globalization;
using System.Text.RegularExpressions;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;

namespace Connectors.QueueWorker.Tests;

/// <summary>The receivers of docs/callbacks.md, with callbacks of a real worker.</summary>
public sealed partial class CallbackReceiverTests(SharedNats nats) : IClassFixture<SharedNats>
{
    private const string Old = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    private const string Current = "whsec_c2Vjb25kLXNlY3JldC1vZi0yNC1ieXRlcw==";
    private const string Next = "whsec_dGhlLW5leHQtc2VjcmV0LW9mLTI0LWJ5dGU=";
    private const string Foreign = "whsec_c29tZWJvZHktZWxzZQ==";

    private static readonly byte[] Answer = [0, 255, 10, 13, .. "any bytes"u8];

    [Fact]
    public async Task The_page_shows_the_code_that_runs_here()
    {
        var page = await File.ReadAllTextAsync(Path.Combine(Tools.RepositoryRoot, "docs", "callbacks.md"));

        var shown = Block().Matches(page).ToDictionary(m => m.Groups[1].Value, m => m.Groups[2].Value);

        Assert.Equal(["Receiver.cs", "receiver.go", "receiver.mjs", "receiver.py"], shown.Keys.Order(StringComparer.Ordinal));
        foreach (var (file, code) in shown)
        {
            Assert.Equal(await File.ReadAllTextAsync(Path.Combine(CallbackReceiver.Folder, file)), code);
        }
    }

    [Theory]
    [InlineData("csharp")]
    [InlineData("python")]
    [InlineData("node")]
    [InlineData("go")]
    public async Task A_receiver_takes_what_one_of_its_secrets_signed_and_nothing_else(string language)
    {
        await using var receiver = await CallbackReceiver.StartAsync(language, Next, Current);
        using var http = new HttpClient(new SocketsHttpHandler());
        var secrets = Directory.CreateTempSubdirectory("secrets-").FullName;
        await SignWithAsync(Old, Current);
        await using var bench = await Bench.StartAsync(
            async (request, context) =>
            {
                if (request.Path.StartsWith("/function/", StringComparison.Ordinal))
                {
                    await context.Response.Body.WriteAsync(Answer);
                }
                else
                {
                    // On its way to the receiver, one bit of the body turns.
                    context.Response.StatusCode = await ForwardAsync(request with { Body = [(byte)(request.Body[0] ^ 1), .. request.Body[1..]] });
                }
            },
            new() { ["secret_mount_path"] = secrets },
            nats.Server);

        var direct = await bench.EnqueueAsync(Bench.Call() with { Callback = receiver.Url.ToString() });
        await bench.IsEmptyAsync();
        await receiver.AcceptsAsync(1);
        Assert.Equal([$"{direct.DeliveryId} 200 {Answer.Length}"], receiver.Accepted);
        Assert.Equal(0, await bench.CountAsync(bench.Dead));

        var changed = await bench.DeadLetterAsync(await bench.EnqueueAsync(Bench.Call() with { Callback = bench.CallbackUrl.ToString() }));
        Assert.Equal((DeadReasons.CallbackRefused, 401), (changed.Biography.Reason, changed.Biography.Status));

        await SignWithAsync(Foreign);
        var foreign = await bench.DeadLetterAsync(await bench.EnqueueAsync(Bench.Call() with { Callback = receiver.Url.ToString() }));
        Assert.Equal((DeadReasons.CallbackRefused, 401), (foreign.Biography.Reason, foreign.Biography.Status));

        var sent = bench.Posts[0];
        Assert.Equal(204, await ForwardAsync(sent));
        Assert.Equal(204, await ForwardAsync(Signed(sent, sent.At)));
        Assert.Equal(401, await ForwardAsync(Signed(sent, sent.At.AddMinutes(-10))));
        Assert.Equal(401, await ForwardAsync(Signed(sent, sent.At.AddMinutes(30))));
        Assert.Equal(401, await ForwardAsync(With(sent, "webhook-timestamp", (sent.At.ToUnixTimeSeconds() - 60).ToString(CultureInfo.InvariantCulture))));
        Assert.Equal(401, await ForwardAsync(With(sent, "webhook-timestamp", "soon")));
        Assert.Equal(401, await ForwardAsync(With(sent, "webhook-id", "another")));
        Assert.Equal(401, await ForwardAsync(With(sent, "webhook-signature", "v1,")));
        Assert.Equal(401, await ForwardAsync(sent with { Headers = [] }));
        await receiver.AcceptsAsync(3);
        Directory.Delete(secrets, recursive: true);

        Task SignWithAsync(params string[] lines) => File.WriteAllLinesAsync(Path.Combine(secrets, "callback-secret"), lines);

        async Task<int> ForwardAsync(RecordedRequest request)
        {
            using var message = new HttpRequestMessage(HttpMethod.Post, receiver.Url) { Content = new ByteArrayContent(request.Body) };
            foreach (var header in request.Headers.Where(h => h.Key.StartsWith("webhook-", StringComparison.OrdinalIgnoreCase)))
            {
                message.Headers.TryAddWithoutValidation(header.Key, header.Value);
            }

            using var answer = await http.SendAsync(message);
            return (int)answer.StatusCode;
        }
    }

    private static RecordedRequest Signed(RecordedRequest request, DateTimeOffset at)
    {
        var timestamp = at.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        var signature = new WebhookVerifier(Current).Sign(request.Header("webhook-id")!, timestamp, request.Body);
        return With(With(request, "webhook-timestamp", timestamp), "webhook-signature", signature);
    }

    private static RecordedRequest With(RecordedRequest request, string name, string value) => request with
    {
        Headers = [.. request.Headers.Where(h => !h.Key.Equals(name, StringComparison.OrdinalIgnoreCase)), new(name, value)],
    };

    [GeneratedRegex("^```[a-z]+ file=(\\S+)\\n(.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Block();
}
