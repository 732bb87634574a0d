using System.Text;
using Connectors.Sdk.Invocation;
using Connectors.Testing;

namespace Connectors.Sdk.Tests.Invocation;

/// <summary>A call that is to be enqueued is answered by a gateway, or by what stands before it, and never by a function: what is not judged by that is not to end by it.</summary>
public class EnqueuedCallTests
{
    private static readonly FunctionCall Call =
        new() { Function = new FunctionName("figlet", "openfaas-fn"), Timeout = TimeSpan.FromSeconds(30), Asynchronous = true, KeepBytes = 100 };

    // Anything else below 400 is of a proxy before the gateway that leads elsewhere, or shows a login. OpenFaaS's own gateway says 500 while its NATS is away.
    [Theory]
    [InlineData(202, OutcomeKind.Succeeded)]
    [InlineData(200, OutcomeKind.Unreachable)]
    [InlineData(204, OutcomeKind.Unreachable)]
    [InlineData(302, OutcomeKind.Unreachable)]
    [InlineData(308, OutcomeKind.Unreachable)]
    [InlineData(400, OutcomeKind.Failed)]
    [InlineData(404, OutcomeKind.Failed)]
    [InlineData(408, OutcomeKind.Unreachable)]
    [InlineData(413, OutcomeKind.Failed)]
    [InlineData(429, OutcomeKind.Unreachable)]
    [InlineData(431, OutcomeKind.Failed)]
    [InlineData(500, OutcomeKind.Unreachable)]
    [InlineData(502, OutcomeKind.Unreachable)]
    [InlineData(503, OutcomeKind.Unreachable)]
    [InlineData(504, OutcomeKind.Unreachable)]
    [InlineData(508, OutcomeKind.Failed)]
    [InlineData(599, OutcomeKind.Unreachable)]
    public async Task It_is_stored_where_202_says_so_and_judged_by_no_status_of_the_moment(int status, OutcomeKind expected)
    {
        await using var gateway = await HttpLedger.StartWithStatusesAsync(status);
        using var invoker = new Invoker(gateway.Url, "test", TimeProvider.System);

        var outcome = await invoker.InvokeAsync(Call, CancellationToken.None);

        Assert.Equal((expected, expected == OutcomeKind.Unreachable), (outcome.Kind, outcome.IsOutOfReach));
    }

    [Fact]
    public async Task What_the_gateway_says_of_itself_is_kept()
    {
        await using var gateway = await HttpLedger.StartAsync((_, http) =>
        {
            http.Response.StatusCode = 503;
            http.Response.Headers.RetryAfter = "7";
            http.Response.Headers["X-OpenFaaS-Internal"] = "gateway";
            return http.Response.Body.WriteAsync("full"u8.ToArray()).AsTask();
        });
        using var invoker = new Invoker(gateway.Url, "test", TimeProvider.System);

        var outcome = await invoker.InvokeAsync(Call, CancellationToken.None);

        Assert.True(outcome.IsOutOfReach);
        Assert.Equal((503, "gateway"), (outcome.Status, outcome.InternalSource));
        Assert.Equal(TimeSpan.FromSeconds(7), outcome.RetryAfter);
        Assert.Equal("full", Encoding.UTF8.GetString(outcome.Body.Span));
        Assert.Contains("503", outcome.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null, 2)]
    [InlineData(1, 2)]
    [InlineData(7, 7)]
    [InlineData(3600, 10)]
    public void A_retry_after_can_make_a_wait_longer_and_not_shorter(int? asked, int expected)
    {
        var outcome = new Outcome { Kind = OutcomeKind.Unreachable, Status = 503, RetryAfter = asked is { } seconds ? TimeSpan.FromSeconds(seconds) : null };

        Assert.Equal(TimeSpan.FromSeconds(expected), outcome.WaitAtLeast(TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(10)));
    }

    [Theory]
    [InlineData("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 10\r\n\r\nabc")]
    [InlineData("HTTP/1.1 202 Accepted\r\nno header at all\r\n\r\n")]
    [InlineData("HTTP/1.1 101 Switching Protocols\r\n\r\n")]
    [InlineData("no HTTP at all\r\n\r\n")]
    [InlineData("")]
    public async Task An_answer_that_breaks_off_is_none_of_a_functions(string answer)
    {
        await using var gateway = RawServer.Start(_ => new RawAnswer(answer, After.Close));
        using var invoker = new Invoker(gateway.Url, "test", TimeProvider.System);

        Assert.True((await invoker.InvokeAsync(Call, CancellationToken.None)).IsOutOfReach);
    }

    [Fact]
    public async Task A_gateway_that_does_not_answer_in_time_is_out_of_reach()
    {
        await using var gateway = await HttpLedger.StartAsync((_, http) => Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, http.RequestAborted));
        using var invoker = new Invoker(gateway.Url, "test", TimeProvider.System);

        var outcome = await invoker.InvokeAsync(Call with { Timeout = TimeSpan.FromMilliseconds(300) }, CancellationToken.None);

        Assert.Equal((OutcomeKind.Unreachable, 504, true), (outcome.Kind, outcome.Status, outcome.IsOutOfReach));
    }
}
