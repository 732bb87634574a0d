using System.Net;
using Connectors.Testing;

namespace Connectors.Gateway.Tests;

/// <summary>A process for each call: the classic watchdog's contract, and that nothing of a process outlives its call.</summary>
public sealed class ForkedFunctionTests(ProviderFixture fixture) : IClassFixture<ProviderFixture>
{
    private readonly TestGateway _gateway = fixture.Embedded;

    [Fact]
    public async Task A_process_gets_the_call_and_its_own_variables_and_nothing_else()
    {
        await _gateway.DeployAsync("env", "env", environment: new { own = "value" });

        using var answer = await _gateway.PostAsync("/function/env/a%2Fb%20%C3%BC?x=1&y", "body", ("x-lower-case", "1"), ("X-Twice", "first"), ("Content-Type", "text/x"));
        var variables = (await answer.Content.ReadAsStringAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .ToDictionary(line => line[..line.IndexOf('=', StringComparison.Ordinal)], line => line[(line.IndexOf('=', StringComparison.Ordinal) + 1)..]);

        Assert.Equal("value", variables["own"]);
        Assert.Equal("POST", variables["Http_Method"]);
        Assert.Equal("/a/b ü", variables["Http_Path"]);
        Assert.Equal("x=1&y", variables["Http_Query"]);
        Assert.Equal("4", variables["Http_ContentLength"]);
        Assert.Equal("4", variables["Http_Content_Length"]);
        Assert.Equal("1", variables["Http_X_Lower_Case"]);
        Assert.Equal("first", variables["Http_X_Twice"]);
        Assert.Equal("text/x", variables["Http_Content_Type"]);
        Assert.Equal(_gateway.Api.Authority, variables["Http_Host"]);
        Assert.StartsWith(_gateway.DataPath, variables["HOME"], StringComparison.Ordinal);

        // The shell that joins standard error to standard output leaves PWD; CONNECTORS_RUN is how strays are found.
        Assert.Equal(["CONNECTORS_RUN", "HOME", "LANG", "PATH", "PWD", "own"], variables.Keys.Where(k => !k.StartsWith("Http_", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_process_hears_nothing_of_its_call_but_the_body_on_wish()
    {
        await _gateway.DeployAsync("untold", "sh -c 'cat; env'", environment: new { cgi_headers = "false", marshal_request = "false", own = "value" });

        using var answer = await _gateway.PostAsync("/function/untold/path?x=1", "body\n", ("X-Header", "1"));
        var lines = (await answer.Content.ReadAsStringAsync()).Split('\n');

        Assert.Equal("body", lines[0]);
        Assert.Contains("own=value", lines);
        Assert.DoesNotContain(lines, line => line.StartsWith("Http_", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("GET", "", "", "0")]
    [InlineData("POST", "Transfer-Encoding: chunked\r\n", "2\r\nhi\r\n0\r\n\r\n", "-1")]
    public async Task A_process_hears_whether_there_is_a_body_that_has_no_length(string verb, string coding, string body, string length)
    {
        var name = $"length-{verb.ToLowerInvariant()}";
        await _gateway.DeployAsync(name, "env");
        using var raw = await RawHttp.ConnectAsync(_gateway.Api);

        await raw.SendAsync($"{verb} /function/{name}/%FF%0A_ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{coding}\r\n{body}");
        var answer = await raw.ReadToEndAsync();

        Assert.Contains($"\nHttp_ContentLength={length}\n", answer, StringComparison.Ordinal);
        Assert.Contains($"\nHttp_Content_Length={length}\n", answer, StringComparison.Ordinal);
        Assert.Contains("\nHttp_Path=/\u00ff\n_\n", answer, StringComparison.Ordinal);
        Assert.Equal(coding.Length > 0, answer.Contains("\nHttp_Transfer_Encoding=chunked\n", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Exit_0_is_200_with_the_callers_content_type_and_a_duration()
    {
        await _gateway.DeployAsync("ok", "cat");
        await _gateway.DeployAsync("typed", "cat", environment: new { content_type = "text/html" });

        using var same = await _gateway.PostAsync("/function/ok", "{}", ("Content-Type", "application/json"));
        using var own = await _gateway.PostAsync("/function/typed", "{}", ("Content-Type", "application/json"));

        Assert.Equal(HttpStatusCode.OK, same.StatusCode);
        Assert.Equal("application/json", same.Content.Headers.ContentType!.ToString());
        Assert.Equal("text/html", own.Content.Headers.ContentType!.ToString());
        Assert.Matches("^[0-9]+\\.[0-9]{6}$", same.Headers.GetValues("X-Duration-Seconds").Single());
    }

    [Fact]
    public async Task Another_exit_code_is_500_with_what_was_written_and_is_the_functions_own_error()
    {
        await _gateway.DeployAsync("fails", "sh -c 'echo out; echo err >&2; exit 3'");

        using var answer = await _gateway.PostAsync("/function/fails", "");

        Assert.Equal(HttpStatusCode.InternalServerError, answer.StatusCode);
        Assert.Equal("exit status 3\nout\nerr\n", await answer.Content.ReadAsStringAsync());
        Assert.False(answer.Headers.Contains("X-OpenFaaS-Internal"));
        Assert.False(answer.Headers.Contains("X-Duration-Seconds"));
    }

    // Programs end by themselves with codes that look like those of signals: 255 is Perl's die, PHP's fatal error, ssh's.
    [Theory]
    [InlineData("exit 1", "exit status 1")]
    [InlineData("exit 128", "exit status 128")]
    [InlineData("exit 160", "exit status 160")]
    [InlineData("exit 255", "exit status 255")]
    [InlineData("kill -9 $$", "signal: 9")]
    [InlineData("kill -31 $$", "signal: 31")]
    public async Task What_ended_a_process_is_told_its_own_code_or_the_signal(string command, string told)
    {
        var name = "ends-" + command.Trim('$', ' ').Replace(" ", "", StringComparison.Ordinal);
        await _gateway.DeployAsync(name, $"sh -c '{command}'");

        using var answer = await _gateway.PostAsync("/function/" + name, "");

        Assert.Equal(HttpStatusCode.InternalServerError, answer.StatusCode);
        Assert.StartsWith(told + "\n", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Standard_error_stays_out_of_the_answer_on_wish()
    {
        await _gateway.DeployAsync("apart", "sh -c 'echo out; echo err >&2'", environment: new { combine_output = "false" });

        using var answer = await _gateway.PostAsync("/function/apart", "");

        Assert.Equal("out\n", await answer.Content.ReadAsStringAsync());
    }

    [Theory]
    [InlineData("streaming", "", "out\n")]
    [InlineData("serializing", "", "out\n")]
    [InlineData("streaming", "true", "out\nerr\n")]
    [InlineData("", "", "out\nerr\n")]
    public async Task Standard_error_stays_out_of_the_answer_in_the_modes_of_OpenFaaS_that_log_it(string mode, string combineOutput, string expected)
    {
        var name = $"mode-{mode}-{combineOutput}-of";
        await _gateway.DeployAsync(name, "sh -c 'echo out; echo err >&2'", environment: new { mode, combine_output = combineOutput });

        using var answer = await _gateway.PostAsync($"/function/{name}", "");

        Assert.Equal(expected, await answer.Content.ReadAsStringAsync());
        Assert.Equal(
            !expected.Contains("err", StringComparison.Ordinal),
            (await _gateway.SystemAsync(HttpMethod.Get, $"logs?name={name}")).Contains("\"text\":\"err\"", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_command_that_is_not_there_is_500_and_says_so()
    {
        await _gateway.DeployAsync("nowhere", "/no/such/program");

        using var answer = await _gateway.PostAsync("/function/nowhere", "");

        Assert.Equal(HttpStatusCode.InternalServerError, answer.StatusCode);
        Assert.Matches("/no/such/program: (not found|No such file)", await answer.Content.ReadAsStringAsync());
    }

    [Theory]
    [InlineData("HEAD")]
    [InlineData("OPTIONS")]
    public async Task Other_verbs_are_405(string verb)
    {
        await _gateway.DeployAsync($"verbs-{verb.ToLowerInvariant()}", "cat");

        using var answer = await _gateway.SendAsync(new HttpMethod(verb), $"/function/verbs-{verb.ToLowerInvariant()}");

        Assert.Equal(HttpStatusCode.MethodNotAllowed, answer.StatusCode);
        Assert.False(answer.Headers.Contains("X-OpenFaaS-Internal"));
    }

    [Fact]
    public async Task Five_megabytes_go_in_and_come_out()
    {
        await _gateway.DeployAsync("large", "cat");
        var body = new byte[5_000_000];
        new Random(3).NextBytes(body);

        using var answer = await _gateway.SendAsync(HttpMethod.Post, "/function/large", body);

        Assert.Equal(body, await answer.Content.ReadAsByteArrayAsync());
    }

    [Theory]
    [InlineData("malformed", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n", false)]
    [InlineData("ended", "Content-Length: 10\r\n\r\nhello", true)]
    public async Task A_body_that_breaks_off_never_comes_to_its_end(string how, string rest, bool leaves)
    {
        var whole = Path.Combine(Path.GetTempPath(), $"whole-{Guid.NewGuid():N}");
        await _gateway.DeployAsync($"half-{how}", $"sh -c 'cat > /dev/null; touch {whole}' {whole}");
        using var raw = await RawHttp.ConnectAsync(_gateway.Api);
        await raw.SendAsync($"POST /function/half-{how} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{rest}");
        if (leaves)
        {
            raw.EndSending();
        }

        var answer = await raw.ReadToEndAsync();
        await Eventually.HoldsAsync(() => Processes.With(whole) == 0, "no process is left");

        Assert.True((leaves && answer.Length == 0) || answer.StartsWith("HTTP/1.1 400 ", StringComparison.Ordinal), answer);
        Assert.False(File.Exists(whole));
    }

    [Fact]
    public async Task A_function_need_not_read_its_input()
    {
        await _gateway.DeployAsync("deaf", "echo hello");

        using var answer = await _gateway.SendAsync(HttpMethod.Post, "/function/deaf", new byte[5_000_000]);

        Assert.Equal("hello\n", await answer.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task A_function_that_floods_its_output_is_ended()
    {
        await _gateway.DeployAsync("flood", "yes");

        using var answer = await _gateway.PostAsync("/function/flood", "");

        Assert.Equal(HttpStatusCode.InternalServerError, answer.StatusCode);
        Assert.True(answer.Headers.Contains("X-OpenFaaS-Internal"));
        Assert.Contains("8000000", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.InRange(Processes.ResidentBytes(_gateway.Process.Process.Id), 1, 400L * 1024 * 1024);
    }

    [Fact]
    public async Task At_exec_timeout_everything_that_the_function_started_is_ended()
    {
        var mark = Processes.Mark();
        await _gateway.DeployAsync(
            "stubborn",
            $"sh -c 'trap \"\" TERM; sleep {mark} & setsid sleep {mark} & (setsid sleep {mark} &) ; head -c 6000000 /dev/zero; while :; do echo flood; sleep 0.01; done'",
            environment: new { exec_timeout = "1s" });

        using var answer = await _gateway.PostAsync("/function/stubborn", "");

        Assert.Equal(HttpStatusCode.RequestTimeout, answer.StatusCode);
        Assert.Equal("Killed process.", await answer.Content.ReadAsStringAsync());
        Assert.True(answer.Headers.Contains("X-OpenFaaS-Internal"));
        Assert.InRange(Processes.ResidentBytes(_gateway.Process.Process.Id), 1, 400L * 1024 * 1024);
        await Eventually.HoldsAsync(() => Processes.With(mark) == 0, "no process is left");
    }

    [Fact]
    public async Task What_a_call_leaves_running_ends_with_it()
    {
        var mark = Processes.Mark();
        await _gateway.DeployAsync("leaves", $"sh -c 'sleep {mark} & echo done'");

        using var answer = await _gateway.PostAsync("/function/leaves", "");

        Assert.Equal("done\n", await answer.Content.ReadAsStringAsync());
        await Eventually.HoldsAsync(() => Processes.With(mark) == 0, "no process is left");
    }

    [Fact]
    public async Task A_call_that_outlives_its_deleted_function_by_write_timeout_is_ended_and_leaves_nothing()
    {
        var mark = Processes.Mark();
        await _gateway.DeployAsync("removed", $"sleep {mark}", environment: new { write_timeout = "1ms" });
        var call = _gateway.PostAsync("/function/removed", "");
        await Eventually.HoldsAsync(() => Processes.With(mark) > 0, "the call runs");

        await _gateway.SystemAsync(HttpMethod.Delete, "functions", new { functionName = "removed" }, HttpStatusCode.Accepted);
        using var answer = await call;

        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.Equal("proxy", answer.Headers.GetValues("X-OpenFaaS-Internal").Single());
        await Eventually.HoldsAsync(() => Processes.With(mark) == 0, "no process is left");
        Assert.False(File.Exists(Path.Combine(_gateway.DataPath, "logs", "openfaas-fn", "removed.log")));
        Assert.False(Directory.Exists(Path.Combine(_gateway.DataPath, "work", "openfaas-fn", "removed")));
    }

    [Fact]
    public async Task When_the_caller_leaves_the_process_ends()
    {
        var mark = Processes.Mark();
        await _gateway.DeployAsync("deserted", $"sleep {mark}");
        using (var raw = await RawHttp.ConnectAsync(_gateway.Api))
        {
            await raw.SendAsync("GET /function/deserted HTTP/1.1\r\nHost: x\r\n\r\n");
            await Eventually.HoldsAsync(() => Processes.With(mark) > 0, "the process runs");
        }

        await Eventually.HoldsAsync(() => Processes.With(mark) == 0, "no process is left");
    }

    [Fact]
    public async Task At_the_callers_own_limit_the_answer_is_502_and_the_process_ends()
    {
        var mark = Processes.Mark();
        await _gateway.DeployAsync("late", $"sleep {mark}");

        using var answer = await _gateway.PostAsync("/function/late", "", ("X-Timeout", "500ms"));

        Assert.Equal(HttpStatusCode.BadGateway, answer.StatusCode);
        await Eventually.HoldsAsync(() => Processes.With(mark) == 0, "no process is left");
    }

    [Fact]
    public async Task Headers_that_no_process_can_take_are_431()
    {
        await _gateway.DeployAsync("headers", "cat");

        using var answer = await _gateway.PostAsync("/function/headers", "", ("X-Large", new string('x', 200_000)));

        Assert.Equal(HttpStatusCode.RequestHeaderFieldsTooLarge, answer.StatusCode);
    }

    [Fact]
    public async Task Calls_over_max_inflight_are_429()
    {
        var mark = Processes.Mark();
        await _gateway.DeployAsync("narrow", $"sleep {mark}", environment: new { max_inflight = "1" });
        using var first = await RawHttp.ConnectAsync(_gateway.Api);
        await first.SendAsync("GET /function/narrow HTTP/1.1\r\nHost: x\r\n\r\n");
        await Eventually.HoldsAsync(() => Processes.With(mark) > 0, "the first call runs");

        using var second = await _gateway.PostAsync("/function/narrow", "");

        Assert.Equal(HttpStatusCode.TooManyRequests, second.StatusCode);
        Assert.Equal("faas-middleware", second.Headers.GetValues("X-OpenFaaS-Internal").Single());
        Assert.Equal("Concurrent request limit exceeded. Max concurrent requests: 1", await second.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Calls_that_have_ended_leave_no_open_files()
    {
        // Room for the gateway and some calls at once; and no collection that would close what nobody closed.
        await using var gateway = await TestGateway.StartThroughAsync(["prlimit", "--nofile=500:500"], null, ("DOTNET_GCgen0size", "40000000"), ("DOTNET_GCGen0MaxBudget", "40000000"));
        await gateway.DeployAsync("ends", "cat");
        await gateway.DeployAsync("late", "sleep 61.00434", environment: new { exec_timeout = "1ms" });

        for (var i = 0; i < 100; i++)
        {
            using var ended = await gateway.PostAsync("/function/ends", "hi");
            using var late = await gateway.PostAsync("/function/late", "");
            Assert.Equal("hi", await ended.Content.ReadAsStringAsync());
            Assert.Equal(HttpStatusCode.RequestTimeout, late.StatusCode);
        }
    }

    [Fact]
    public async Task Limits_hold_in_the_process()
    {
        await _gateway.SystemAsync(
            HttpMethod.Post,
            "functions",
            new { service = "limited", envProcess = "sh -c 'ulimit -d; ulimit -n'", limits = new Dictionary<string, string> { ["memory"] = "64Mi", ["files"] = "77", ["cpu"] = "100m" } },
            HttpStatusCode.Accepted);

        using var answer = await _gateway.PostAsync("/function/limited", "");

        Assert.Equal("65536\n77\n", await answer.Content.ReadAsStringAsync());
        await _gateway.Process.Process.LineAsync(line => line.Contains("not enforced", StringComparison.Ordinal) && line.Contains("limited", StringComparison.Ordinal), "cpu is not limited");
    }

    [Theory]
    [InlineData("""{"service":"","envProcess":"cat"}""", "service: is required")]
    [InlineData("""{"service":"Not_A_Name","envProcess":"cat"}""", "must be a valid DNS entry")]
    [InlineData("""{"service":"../../x","envProcess":"cat"}""", "must be a valid DNS entry")]
    [InlineData("""{"service":"x","namespace":"../y","envProcess":"cat"}""", "no namespace")]
    [InlineData("""{"service":"x","image":"figlet"}""", "envProcess: is required")]
    [InlineData("""{"service":"x","envProcess":"sh -c 'open"}""", "a quote is not closed")]
    [InlineData("""{"service":"x","envProcess":"cat","envVars":{"exec_timeout":"soon"}}""", "exec_timeout")]
    [InlineData("""{"service":"x","envProcess":"cat","limits":{"memory":"lots"}}""", "limits.memory")]
    [InlineData("""{"service":"x","envProcess":"cat","secrets":["none"]}""", "there is no secret none")]
    [InlineData("""{"service":7}""", "JSON")]
    [InlineData("null", "JSON")]
    [InlineData("", "JSON")]
    public async Task A_deployment_that_makes_no_sense_is_400_and_says_why(string body, string reason)
    {
        var answer = await RawHttp.AskAsync(
            _gateway.Api, $"POST /system/functions HTTP/1.1\nHost: x\nContent-Type: application/json\nAuthorization: {TestGateway.Admin}\n", body);

        Assert.StartsWith("HTTP/1.1 400", answer, StringComparison.Ordinal);
        Assert.Contains(reason, answer, StringComparison.Ordinal);
    }
}
