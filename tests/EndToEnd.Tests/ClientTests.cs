using System.Net;
using System.Security.Cryptography;
using System.Text;
using Connectors.Client;
using Connectors.Testing;
using CsCheck;
using Microsoft.AspNetCore.Http;

namespace Connectors.EndToEnd.Tests;

/// <summary>Connectors.Client against the whole system, and against an address that plays what a system seldom does.</summary>
public sealed class ClientTests : IDisposable
{
    private const string Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    private readonly DirectoryInfo _secrets = Directory.CreateTempSubdirectory("client-");

    public void Dispose() => _secrets.Delete(recursive: true);

    [Fact]
    public async Task A_call_is_submitted_awaited_and_called_back_with_a_signature_that_verifies()
    {
        await File.WriteAllTextAsync(Path.Combine(_secrets.FullName, "callback-secret"), Secret);
        await using var pipeline = await Pipeline.StartAsync(worker: new Dictionary<string, string> { ["secret_mount_path"] = _secrets.FullName });
        using var http = Http(pipeline.Gateway.Api);
        var functions = new FunctionClient(http);

        var call = await functions.SubmitAsync(
            "upper", "hi", new CallOptions { KeepResult = TimeSpan.FromHours(1), Callback = new Uri(pipeline.Callbacks.Url, "in"), IdempotencyKey = "k-1", Tags = ["a", "b"] });
        var repeated = await functions.SubmitAsync("upper", "hi", new CallOptions { IdempotencyKey = "k-1", CallId = call.CallId });
        var result = await functions.ResultAsync(call.CallId);
        await pipeline.Callbacks.ReceivesAsync(1);

        Assert.Equal((false, true), (call.IsDuplicate, repeated.IsDuplicate));
        Assert.Equal(("succeeded", 200, true, "HI", false), (result.State, result.Status, result.IsSuccess, result.Text, result.IsDropped));
        Assert.Contains(result.Headers, header => header is { Key: "Content-Type", Value: "text/x-upper" });
        var callback = pipeline.Callbacks.Requests.Single();
        Assert.Equal(call.CallId, callback.CallId);
        Assert.True(new CallbackVerifier([Secret]).Verifies(callback.Header("webhook-id"), callback.Header("webhook-timestamp"), callback.Header("webhook-signature"), callback.Body));
    }

    [Fact]
    public async Task A_call_is_cancelled_and_its_result_says_so()
    {
        await using var pipeline = await Pipeline.StartAsync((_, http) => Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, http.RequestAborted));
        using var http = Http(pipeline.Gateway.Api);
        var functions = new FunctionClient(http);
        var call = await functions.SubmitAsync("work", new byte[] { 1 }, new CallOptions { KeepResult = TimeSpan.FromMinutes(5) });
        await pipeline.Function.ReceivesAsync(1);
        Assert.Null(await functions.FindResultAsync(call.CallId));

        await functions.CancelAsync(call.CallId);

        var result = await functions.ResultAsync(call.CallId);
        Assert.Equal(("cancelled", 499, false), (result.State, result.Status, result.IsSuccess));
    }

    [Theory]
    [InlineData(302)]
    [InlineData(307)]
    [InlineData(204)]
    [InlineData(304)]
    [InlineData(401)]
    [InlineData(202)]
    public async Task A_result_is_told_whatever_its_status_means_to_an_http_client(int status)
    {
        await using var elsewhere = await HttpLedger.StartAsync();
        await using var pipeline = await Pipeline.StartAsync((_, http) =>
        {
            http.Response.StatusCode = status;
            http.Response.Headers.Location = elsewhere.Url.AbsoluteUri;
            return status is 204 or 304 ? Task.CompletedTask : http.Response.WriteAsync("the body");
        });
        using var http = Http(pipeline.Gateway.Api);
        http.DefaultRequestHeaders.Add("X-Own-Secret", "for the gateway");
        var functions = new FunctionClient(http);

        var call = await functions.SubmitAsync("work", "x", new CallOptions { KeepResult = TimeSpan.FromMinutes(5) });
        var result = await functions.ResultAsync(call.CallId);

        Assert.Equal((status, status is 204 or 304 ? "" : "the body"), (result.Status, result.Text));
        Assert.Contains(result.Headers, header => header.Key == "Location" && header.Value == elsewhere.Url.AbsoluteUri);
        Assert.Empty(elsewhere.Requests);
    }

    [Fact]
    public async Task What_the_gateway_refuses_is_told_with_its_status_and_reason()
    {
        await using var pipeline = await Pipeline.StartAsync();
        using var http = Http(pipeline.Gateway.Api);
        var functions = new FunctionClient(http);

        await RefusedAsync(HttpStatusCode.NotFound, "nowhere", () => functions.SubmitAsync("nowhere", "x"));
        await RefusedAsync(HttpStatusCode.BadRequest, "Idempotency-Key", () => functions.SubmitAsync("work", "x", new CallOptions { IdempotencyKey = "no spaces" }));
        await RefusedAsync(HttpStatusCode.RequestEntityTooLarge, "1000000", () => functions.SubmitAsync("work", new byte[1_000_001]));
        await RefusedAsync(HttpStatusCode.NotFound, "No result", () => functions.ResultAsync("never-made"));
        await RefusedAsync(HttpStatusCode.LoopDetected, "call each other", () => functions.SubmitAsync("work", "x", new CallOptions { Headers = [KeyValuePair.Create("X-Callback-Hops", "17")] }));

        async Task RefusedAsync(HttpStatusCode status, string reason, Func<Task> deed)
        {
            var refusal = await Assert.ThrowsAsync<CallRefusedException>(deed);
            Assert.Equal(status, refusal.Status);
            Assert.Contains(reason, refusal.Message.Replace(",", "", StringComparison.Ordinal), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task What_is_not_known_to_be_stored_is_submitted_again_with_a_key_and_told_without_one()
    {
        var submitted = 0;
        await using var gateway = await HttpLedger.StartAsync((_, http) =>
        {
            http.Response.StatusCode = Interlocked.Increment(ref submitted) < 4 ? StatusCodes.Status503ServiceUnavailable : StatusCodes.Status202Accepted;
            http.Response.Headers["X-Call-Id"] = "c-1";
            return Task.CompletedTask;
        });
        using var http = Http(gateway.Url);
        var functions = new FunctionClient(http);

        await Assert.ThrowsAsync<CallNotKnownException>(() => functions.SubmitAsync("work", "x"));
        Assert.Single(gateway.Requests);
        var call = await functions.SubmitAsync("work", "x", new CallOptions { IdempotencyKey = "k", Patience = TimeSpan.FromMinutes(5) });

        Assert.Equal("c-1", call.CallId);
        Assert.Equal(4, gateway.Requests.Count);
        Assert.All(gateway.Requests.Skip(1), request => Assert.Equal("k", request.Header("Idempotency-Key")));
        Assert.NotNull(Assert.Single(gateway.Requests.Skip(1).Select(request => request.Header("X-Call-Id")).Distinct()));
        await gateway.StopAsync();
        await Assert.ThrowsAsync<CallNotKnownException>(() => functions.CancelAsync("c-1"));
    }

    // The 200 and the 302 are a proxy's, such as its page for logging in.
    [Theory]
    [InlineData(200)]
    [InlineData(202)]
    [InlineData(302)]
    [InlineData(500)]
    [InlineData(508)]
    [InlineData(520)]
    [InlineData(524)]
    public async Task An_answer_that_says_neither_stored_nor_refused_is_not_known(int status)
    {
        var submitted = 0;
        await using var gateway = await HttpLedger.StartAsync((_, http) =>
        {
            var isFirst = Interlocked.Increment(ref submitted) == 1;
            http.Response.StatusCode = isFirst ? status : StatusCodes.Status202Accepted;
            if (!isFirst)
            {
                http.Response.Headers["X-Call-Id"] = "c-1";
            }

            return Task.CompletedTask;
        });
        using var http = Http(gateway.Url);

        var call = await new FunctionClient(http).SubmitAsync("work", "x", new CallOptions { IdempotencyKey = "k", Patience = TimeSpan.FromMinutes(5) });

        Assert.Equal(("c-1", 2), (call.CallId, gateway.Requests.Count));
        Assert.All(gateway.Requests, request => Assert.Equal("k", request.Header("Idempotency-Key")));
    }

    [Fact]
    public async Task Options_are_sent_as_the_headers_that_the_gateway_documents()
    {
        await using var gateway = await HttpLedger.StartAsync((_, http) =>
        {
            http.Response.StatusCode = StatusCodes.Status202Accepted;
            http.Response.Headers["X-Call-Id"] = "made";
            return Task.CompletedTask;
        });
        using var http = Http(new Uri(gateway.Url, "behind/"));
        var functions = new FunctionClient(http);

        await functions.SubmitAsync("resize.images/fit?w=10", "x", new CallOptions
        {
            ContentType = "image/png",
            Callback = new Uri("http://me/done"),
            CallId = "mine",
            Delay = TimeSpan.FromMinutes(10),
            KeepResult = TimeSpan.FromSeconds(1.5),
            Tags = ["a", "b"],
            Priority = CallPriority.High,
            Headers = [KeyValuePair.Create("X-Own", "1"), KeyValuePair.Create("Content-Language", "de")],
        });
        await functions.SubmitAsync("resize", "x", new CallOptions { NotBefore = new DateTimeOffset(2026, 1, 31, 9, 0, 0, TimeSpan.FromHours(1)) });

        var sent = gateway.Requests.First();
        Assert.Equal(("POST", "/behind/async-function/resize.images/fit", "w=10"), (sent.Method, sent.Path, sent.Query));
        (string Name, string Value)[] headers =
        [
            ("Content-Type", "image/png"), ("X-Callback-Url", "http://me/done"), ("X-Call-Id", "mine"), ("X-Delay", "600000ms"), ("X-Store-Result", "1500ms"),
            ("X-Call-Tags", "a,b"), ("X-Priority", "high"), ("X-Own", "1"), ("Content-Language", "de"),
        ];
        Assert.All(headers, header => Assert.Equal(header.Value, sent.Header(header.Name)));
        Assert.Equal("2026-01-31T08:00:00.000Z", gateway.Requests.Last().Header("X-Not-Before"));
        Assert.Null(gateway.Requests.Last().Header("X-Priority"));
    }

    [Theory]
    [InlineData("http://münchen.example/fertig", "http://xn--mnchen-3ya.example/fertig")]
    [InlineData("https://me:pw@www.münchen.example:8443/a%2Fb?x=ü", "https://me:pw@www.xn--mnchen-3ya.example:8443/a%2Fb?x=%C3%BC")]
    [InlineData("http://[::1]:9000/a%2Fb?x=%20", "http://[::1]:9000/a%2Fb?x=%20")]
    public async Task A_callbacks_address_is_sent_in_characters_that_a_header_may_hold(string given, string expected)
    {
        await using var gateway = await HttpLedger.StartAsync((_, http) =>
        {
            http.Response.StatusCode = StatusCodes.Status202Accepted;
            http.Response.Headers["X-Call-Id"] = "made";
            return Task.CompletedTask;
        });
        using var http = Http(gateway.Url);

        await new FunctionClient(http).SubmitAsync("work", "x", new CallOptions { Callback = new Uri(given) });

        Assert.Equal(expected, Assert.Single(gateway.Requests).Header("X-Callback-Url"));
    }

    [Theory]
    [InlineData("X-Customer", "Müller")]
    [InlineData("X-Customer", "a\r\nX-Other: b")]
    [InlineData("X-Customer", "a\0b")]
    [InlineData("Two Words", "a")]
    [InlineData("", "a")]
    [InlineData("Content-Type", "text/plain; name=Müller")]
    public async Task A_header_that_cannot_be_sent_is_named_at_once(string name, string value)
    {
        using var http = Http(new Uri("http://127.0.0.1:1"));
        var options = name == "Content-Type" ? new CallOptions { ContentType = value } : new CallOptions { Headers = [KeyValuePair.Create(name, value)] };

        var refusal = await Assert.ThrowsAsync<ArgumentException>(() => new FunctionClient(http).SubmitAsync("work", "x", options with { IdempotencyKey = "once" }));

        Assert.Contains($"The header {name} cannot be sent", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("../system/functions")]
    [InlineData("..")]
    [InlineData("a/../../system/functions")]
    [InlineData("%2e%2e/system/functions")]
    [InlineData("?x")]
    [InlineData(" ")]
    public async Task A_name_that_leads_out_of_the_functions_is_never_sent(string function)
    {
        using var http = Http(new Uri("http://127.0.0.1:1"));

        await Assert.ThrowsAsync<ArgumentException>(() => new FunctionClient(http).SubmitAsync(function, "x"));
    }

    [Fact]
    public void A_signature_verifies_for_its_own_id_time_body_and_secret_alone()
    {
        var verifier = new CallbackVerifier(["", Secret, "whsec_c2Vjb25kLXNlY3JldC1vZi0yNC1ieXRlcw=="], TimeProvider.System);
        Gen.Select(Gen.String[Gen.Char.AlphaNumeric, 1, 40], Gen.Byte.Array[1, 200], Gen.Int[-290, 290], Gen.Int[0, 1_000_000]).Sample((id, body, age, where) =>
        {
            var now = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds();
            var timestamp = $"{now - age}";
            var signature = Sign(Secret, id, timestamp, body);
            byte[] changed = [.. body];
            changed[where % body.Length] ^= (byte)(1 << (where % 8));

            return verifier.Verifies(id, timestamp, $"v1,AAAA {signature}", body)
                && !verifier.Verifies(id, timestamp, signature, changed)
                && !verifier.Verifies(id + "x", timestamp, signature, body)
                && !verifier.Verifies(id, $"{now - age - 1}", signature, body)
                && !verifier.Verifies(id, timestamp, Sign("whsec_c29tZWJvZHktZWxzZQ==", id, timestamp, body), body)
                && !verifier.Verifies(id, $"{now - 400}", Sign(Secret, id, $"{now - 400}", body), body)
                && !verifier.Verifies(id, $"{now + 400}", Sign(Secret, id, $"{now + 400}", body), body)
                && !verifier.Verifies(id, "soon", signature, body)
                && !verifier.Verifies(id, null, signature, body)
                && !verifier.Verifies(id, timestamp, "", body);
        });
    }

    [Theory]
    [InlineData()]
    [InlineData(" ")]
    [InlineData("whsec_")]
    [InlineData("whsec_no base64!")]
    [InlineData("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    public void A_secret_of_another_form_is_refused_and_not_told(params string[] secrets)
    {
        var refusal = Assert.Throws<ArgumentException>(() => new CallbackVerifier(secrets));

        Assert.DoesNotContain("MfKQ", refusal.Message, StringComparison.Ordinal);
    }

    private static HttpClient Http(Uri gateway) => new(new SocketsHttpHandler()) { BaseAddress = gateway };

    // Written from the specification, sharing nothing with the verifier.
    private static string Sign(string secret, string id, string timestamp, byte[] body) =>
        "v1," + Convert.ToBase64String(HMACSHA256.HashData(Convert.FromBase64String(secret["whsec_".Length..]), (byte[])[.. Encoding.UTF8.GetBytes($"{id}.{timestamp}."), .. body]));
}
