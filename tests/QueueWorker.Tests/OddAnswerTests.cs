using System.Net.Sockets;
using Connectors.Sdk.Invocation;
using Connectors.Testing;

namespace Connectors.QueueWorker.Tests;

/// <summary>What the sender of calls makes of answers and connections that are not what they should be.</summary>
public sealed class OddAnswerTests
{
    private static readonly FunctionCall Call = new() { Function = Bench.Echo, Timeout = TimeSpan.FromSeconds(20), KeepBytes = 1000 };

    [Theory]
    [InlineData("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", 204)]
    [InlineData("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello", 204)]
    [InlineData("HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", 204)]
    [InlineData("HTTP/1.1 205 Reset Content\r\nContent-Length: 5\r\n\r\nhello", 205)]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 99\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 200)]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain\x01\r\n\r\nok", 200)]
    [InlineData("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n", 202)]
    [InlineData("HTTP/1.1 299 \r\nContent-Length: 0\r\n\r\n", 299)]
    [InlineData("HTTP/1.0 200\r\n\r\nok", 200)]
    public async Task An_accepted_2xx_is_a_success_however_odd(string answer, int status)
    {
        await using var server = RawServer.Start(_ => new RawAnswer(answer, After.Close));
        using var invoker = new Invoker(server.Url, "test", TimeProvider.System);

        var outcome = await invoker.InvokeAsync(Call, CancellationToken.None);

        Assert.Equal((OutcomeKind.Succeeded, status), (outcome.Kind, outcome.Status));
        Assert.Single(server.Requests);
    }

    [Theory]
    [InlineData("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nraw", 502)]
    [InlineData("HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n", 502)]
    [InlineData("HTTP/1.1 000 Odd\r\nContent-Length: 0\r\n\r\n", 502)]
    [InlineData("HTTP/9.9 200 OK\r\n\r\n", 503)]
    [InlineData("SSH-2.0-OpenSSH_9.2\r\n", 503)]
    [InlineData("", 503)]
    public async Task What_is_no_answer_counts_as_unreachable(string answer, int status)
    {
        await using var server = RawServer.Start(_ => new RawAnswer(answer, After.Close));
        using var invoker = new Invoker(server.Url, "test", TimeProvider.System);

        var outcome = await invoker.InvokeAsync(Call, CancellationToken.None);

        Assert.Equal((OutcomeKind.Unreachable, status), (outcome.Kind, outcome.Status));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(10)]
    public async Task A_call_over_a_kept_connection_that_the_function_drops_is_never_sent_twice(int bodyBytes)
    {
        var count = 0;
        await using var server = RawServer.Start(_ => Interlocked.Increment(ref count) % 2 == 1 ? RawAnswer.Ok : new RawAnswer("", After.Close));
        using var invoker = new Invoker(server.Url, "test", TimeProvider.System);
        var call = Call with { Body = new byte[bodyBytes] };

        for (var i = 1; i <= 10; i++)
        {
            Assert.Equal(OutcomeKind.Succeeded, (await invoker.InvokeAsync(call, CancellationToken.None)).Kind);
            Assert.Equal(OutcomeKind.Unreachable, (await invoker.InvokeAsync(call, CancellationToken.None)).Kind);
            Assert.Equal(2 * i, server.Requests.Count);
        }
    }

    [Fact]
    public async Task A_connection_that_does_not_come_about_is_unreachable_not_too_slow()
    {
        var handler = new SocketsHttpHandler
        {
            ConnectTimeout = TimeSpan.FromMilliseconds(50),
            ConnectCallback = async (_, ct) =>
            {
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, ct);
                return Stream.Null;
            },
        };
        using var invoker = new Invoker(new Uri("http://127.0.0.1:1/"), "test", TimeProvider.System, handler);

        var outcome = await invoker.InvokeAsync(Call, CancellationToken.None);

        Assert.Equal((OutcomeKind.Unreachable, 503, true), (outcome.Kind, outcome.Status, outcome.IsUnseen));
    }

    [Fact]
    public async Task Nothing_in_a_path_ends_the_request_line()
    {
        await using var server = RawServer.Start(_ => RawAnswer.Ok);
        using var invoker = new Invoker(server.Url, "test", TimeProvider.System);

        var outcome = await invoker.InvokeAsync(Call with { Path = "/a b\r\nX: y/ü/\u4e2d", Query = "q=\n\u00c3\u00bc" }, CancellationToken.None);

        Assert.Equal(OutcomeKind.Succeeded, outcome.Kind);
        Assert.Equal("/function/echo.openfaas-fn/a%20b%0D%0AX:%20y/%FC/%E4%B8%AD?q=%0A%C3%BC", Assert.Single(server.Requests).Target);
    }
}
