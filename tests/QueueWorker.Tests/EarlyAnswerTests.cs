using Connectors.Streams.Records;
using Connectors.Testing;

namespace Connectors.QueueWorker.Tests;

/// <summary>Receivers and functions that answer a large body at its head and close: they have answered, and get nothing a second time.</summary>
public sealed class EarlyAnswerTests(SharedNats nats) : IClassFixture<SharedNats>
{
    [Theory]
    [InlineData(202)]
    [InlineData(413)]
    [InlineData(410)]
    public async Task A_callback_that_is_answered_at_its_head_is_posted_once(int status)
    {
        await using var receiver = AnsweringAtTheHead(status);
        await using var bench = await Bench.StartAsync((_, http) => http.Response.Body.WriteAsync(new byte[8_000_000]).AsTask(), server: nats.Server);

        var call = await bench.EnqueueAsync(Bench.Call() with { Callback = receiver.Url.ToString() });
        if (status != 202)
        {
            var end = (await bench.DeadLetterAsync(call)).Biography;
            Assert.Equal((DeadReasons.CallbackRefused, status), (end.Reason, end.Status));
        }

        await bench.IsEmptyAsync();

        Assert.Equal(status == 202 ? 0 : 1, await bench.CountAsync(bench.Dead));
        Assert.Single(bench.Sends);
        Assert.Single(receiver.Requests);
    }

    [Fact]
    public async Task A_function_that_refuses_a_direct_call_at_its_head_has_answered_and_opens_no_breaker()
    {
        await using var function = AnsweringAtTheHead(413);
        await using var server = await NatsServer.StartAsync("max_payload: 8MB");
        await using var bench = await Bench.StartAsync(
            options: new()
            {
                ["direct_functions"] = "true",
                ["function_url"] = $"{function.Url}{{name}}/",
                ["max_retry_attempts"] = "3",
                ["breaker_failures"] = "1",
                ["breaker_min_wait"] = "1h",
                ["breaker_max_wait"] = "1h",
            },
            server: server);

        var call = Bench.Call();
        await bench.EnqueueAsync(call, new byte[6_000_000]);
        var end = (await bench.DeadLetterAsync(call)).Biography;

        Assert.Equal((DeadReasons.Failed, 413, 1), (end.Reason, end.Status, end.Attempts));
        Assert.Single(function.Requests);
        Assert.DoesNotContain(bench.Worker.Log, line => line.Contains("Function cannot be reached", StringComparison.Ordinal));
    }

    private static RawServer AnsweringAtTheHead(int status) => RawServer.Start(async request =>
    {
        await request.SendAsync($"HTTP/1.1 {status} Odd\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        request.Close();
    });
}
