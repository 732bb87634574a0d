using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Connectors.Testing;
using CsCheck;

namespace Connectors.Gateway.Tests;

/// <summary>
/// Generated requests and answers, half of them broken: every one gets an answer or a closed connection, each error of the gateway's own says its call id and
/// its reason to the caller and to the log, and a harmless call between any two of them works. <c>GENERATED_CASES</c> sets how many there are; CsCheck prints
/// the seed of one that fails, and takes it as <c>CsCheck_Seed</c>.
/// </summary>
public sealed partial class NastyHttpTests : IAsyncLifetime
{
    private static readonly int Cases = int.Parse(Environment.GetEnvironmentVariable("GENERATED_CASES") ?? "500", CultureInfo.InvariantCulture);

    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(150);

    private string _answer = "";
    private NatsServer _nats = null!; // set before each test
    private RawServer _provider = null!; // set before each test
    private TestGateway _gateway = null!; // set before each test

    public async ValueTask InitializeAsync()
    {
        _nats = await NatsServer.StartAsync();
        _provider = RawServer.Start(ServeAsync);
        _gateway = await TestGateway.StartAsync(_nats, ("functions_provider_url", _provider.Url.AbsoluteUri), ("basic_auth", "true"), ("upstream_timeout", "20s"));
    }

    public async ValueTask DisposeAsync()
    {
        await _gateway.DisposeAsync();
        await _provider.DisposeAsync();
        await _nats.DisposeAsync();
    }

    [Fact]
    public async Task Any_bytes_as_a_request_get_an_answer_or_a_closed_connection()
    {
        var errors = new List<string>();
        await OddRequests.All.SampleAsync(request => CheckAsync(request, errors), iter: Cases, threads: 1);

        await AllAreToldAsync(errors);
    }

    [Fact]
    public async Task Any_bytes_as_an_answer_are_passed_on_cut_or_told()
    {
        var errors = new List<string>();
        await OddRequests.Answers.SampleAsync(
            async answer =>
            {
                _answer = answer;
                await CheckAsync("POST /function/nasty HTTP/1.1\r\nHost: gw\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi", errors);
            },
            iter: Cases,
            threads: 1);

        await AllAreToldAsync(errors);
    }

    private async Task CheckAsync(string request, List<string> errors)
    {
        var answer = await AskAsync(request);
        Assert.True(answer.Length == 0 || StatusLine().IsMatch(answer), $"no HTTP: {answer}");
        var status = StatusLine().Matches(answer).Select(m => int.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture)).FirstOrDefault(s => s >= 200);

        // No function answers with these here. 505 is said to what is not even HTTP/1, before there is a call.
        if (status is >= 500 and < 600 and not 505)
        {
            var id = CallId().Match(answer).Groups[1].Value;
            Assert.True(id.Length > 0, $"no call id: {answer}");
            Assert.True(request.StartsWith("HEAD ", StringComparison.Ordinal) || !answer.EndsWith("\r\n\r\n", StringComparison.Ordinal), $"no reason: {answer}");
            errors.Add(id);
        }

        // A call that may be repeated: a server that closes without a word can do so while any other is on its way to it.
        using var innocent = await _gateway.SendAsync(HttpMethod.Get, "/function/innocent");
        Assert.Equal("fine", await innocent.Content.ReadAsStringAsync());
    }

    private async Task AllAreToldAsync(List<string> errors)
    {
        Assert.False(_gateway.Process.Process.HasExited);
        foreach (var id in errors)
        {
            await _gateway.Process.Process.LineAsync(
                line => line.Contains("Error answered", StringComparison.Ordinal) && line.Contains(id, StringComparison.Ordinal), $"a log line about {id}");
        }
    }

    // What follows ends the connection, if the gateway is not waiting for a body that never comes. If it is, our half is closed after a while.
    private async Task<string> AskAsync(string request)
    {
        using var raw = await RawHttp.ConnectAsync(_gateway.Api);
        try
        {
            await raw.SendAsync(request + "\r\n\r\nGET /function/innocent HTTP/1.1\r\nHost: gw\r\nConnection: close\r\n\r\n");
        }
        catch (IOException)
        {
            // Refused before it was whole.
        }

        var reading = raw.ReadToEndAsync();
        if (await Task.WhenAny(reading, Task.Delay(Patience, TimeProvider.System)) != reading)
        {
            raw.EndSending();
        }

        return await reading.WaitAsync(Eventually.Patience);
    }

    private async Task ServeAsync(RawRequest request)
    {
        if (request.Head.StartsWith("POST /function/nasty ", StringComparison.Ordinal))
        {
            await request.ReadBodyAsync();
            await request.SendAsync(_answer);
            request.Close();
            return;
        }

        if (request.Head.Contains(" /system/", StringComparison.Ordinal))
        {
            await request.SendAsync("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n[]");
            return;
        }

        await request.ReadBodyAsync();
        await request.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n{(request.Head.StartsWith("HEAD ", StringComparison.Ordinal) ? "" : "fine")}");
    }

    [GeneratedRegex(@"HTTP/1\.1 (\d{3}) ")]
    private static partial Regex StatusLine();

    [GeneratedRegex("X-Call-Id: ([!-~]+)\r\n")]
    private static partial Regex CallId();
}
