using System.Net;
using System.Security.Cryptography;
using System.Text;
using Connectors.Testing;

namespace Connectors.EndToEnd.Tests;

/// <summary>The samples in .NET, run as their pages say, against the whole system.</summary>
public sealed class SampleTests
{
    [Fact]
    public async Task The_webhook_receiver_answers_while_its_function_still_works_and_takes_a_repeat_for_what_it_is()
    {
        var gate = new TaskCompletionSource();
        await using var pipeline = await Pipeline.StartAsync((_, http) => gate.Task.WaitAsync(http.RequestAborted));
        await using var receiver = ChildProcess.Start("dotnet", [ServiceProcess.Assembly("WebhookReceiver")], new Dictionary<string, string>
        {
            ["WEBHOOK_SECRET"] = "s3cret",
            ["FUNCTION"] = "work",
            ["GATEWAY_URL"] = pipeline.Gateway.Api.ToString(),
            ["PORT"] = "0",
        });
        const string listening = "listening on ";
        var line = await receiver.LineAsync(l => l.StartsWith(listening, StringComparison.Ordinal), "the receiver listens");
        using var http = new HttpClient(new SocketsHttpHandler()) { BaseAddress = new Uri(line[listening.Length..]) };

        Assert.Equal(HttpStatusCode.Accepted, await SendAsync("s3cret", "d-1"));
        Assert.Equal(HttpStatusCode.Accepted, await SendAsync("s3cret", "d-1"));
        Assert.Equal(HttpStatusCode.Unauthorized, await SendAsync("other", "d-2"));
        Assert.Equal(HttpStatusCode.Accepted, await SendAsync("s3cret", "d-3"));
        gate.SetResult();
        await pipeline.EndsAsync(dead: 0);

        Assert.Equal(["d-1", "d-3"], pipeline.Function.Requests.Select(request => request.Header("Idempotency-Key")).Order());
        Assert.All(pipeline.Function.Requests, request => Assert.Equal(("{}", "push"), (request.Text, request.Header("X-GitHub-Event"))));

        async Task<HttpStatusCode> SendAsync(string secret, string id)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/") { Content = new StringContent("{}", Encoding.UTF8, "application/json") };
            request.Headers.Add("X-Hub-Signature-256", "sha256=" + Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), "{}"u8.ToArray())));
            request.Headers.Add("X-GitHub-Delivery", id);
            request.Headers.Add("X-GitHub-Event", "push");
            using var answer = await http.SendAsync(request);
            return answer.StatusCode;
        }
    }

    [Fact]
    public async Task The_caller_in_dotnet_prints_the_results_of_its_batch_and_runs_nothing_twice_when_started_again()
    {
        await using var pipeline = await Pipeline.StartAsync((request, http) => http.Response.Body.WriteAsync(request.Body.Reverse().ToArray()).AsTask());

        Assert.Equal((0, "one: eno\ntwo: owt"), await RunAsync("work", "one", "two"));
        Assert.Equal((0, "one: eno\ntwo: owt"), await RunAsync("work", "one", "two"));
        Assert.Equal(2, pipeline.Function.Requests.Count);
        Assert.Equal(2, (await RunAsync("work")).ExitCode);
        Assert.Equal((1, "404"), (await RunAsync("nowhere", "x")) is var (exitCode, output) ? (exitCode, output[..3]) : default);

        async Task<(int ExitCode, string Output)> RunAsync(params string[] arguments)
        {
            await using var caller = ChildProcess.Start(
                "dotnet",
                [ServiceProcess.Assembly("DotnetCaller"), .. arguments],
                new Dictionary<string, string> { ["GATEWAY_URL"] = pipeline.Gateway.Api.ToString(), ["BATCH"] = "b-1" });
            return (await caller.ExitAsync(), string.Join('\n', caller.Lines));
        }
    }
}
