using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using Connectors.Testing;

namespace Connectors.Gateway.Tests;

/// <summary>What was answered with success is there after any end of the gateway.</summary>
public sealed class StateTests
{
    [Fact]
    public async Task After_a_kill_among_deploys_the_list_is_what_was_answered()
    {
        await using var gateway = await TestGateway.StartAsync();
        var answered = new ConcurrentBag<string>();
        var inFlight = new ConcurrentDictionary<string, bool>();
        var next = 0;
        var deployers = Enumerable.Range(0, 4).Select(async _ =>
        {
            for (int i; (i = Interlocked.Increment(ref next)) <= 400;)
            {
                var name = $"fn-{i.ToString(CultureInfo.InvariantCulture)}";
                inFlight[name] = true;
                try
                {
                    await gateway.DeployAsync(name, "cat");
                }
                catch (HttpRequestException)
                {
                    return;
                }

                answered.Add(name);
                inFlight.TryRemove(name, out var _);
            }
        }).ToList();
        await Eventually.HoldsAsync(() => answered.Count >= 200, "two hundred are deployed");

        await gateway.Process.KillAsync();
        await Task.WhenAll(deployers);
        await gateway.Process.StartAgainAsync();
        var listed = (await gateway.SystemJsonAsync("functions")).AsArray().Select(f => (string)f!["name"]!).ToList();

        Assert.Empty(answered.Except(listed));
        Assert.Empty(listed.Except(answered).Except(inFlight.Keys));
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(gateway.DataPath, "functions"), "*.new", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task Processes_end_with_a_killed_gateway_and_come_back_with_the_next()
    {
        await using var gateway = await TestGateway.StartAsync();
        await gateway.DeployAsync("stays", HttpFunction.Command, environment: new { mode = "http" });
        await gateway.DeployAsync("forked", "sleep 61.00422");
        using var running = await RawHttp.ConnectAsync(gateway.Api);
        await running.SendAsync("GET /function/forked HTTP/1.1\r\nHost: x\r\n\r\n");
        using var before = await gateway.PostAsync("/function/stays/born", "");
        await Eventually.HoldsAsync(() => Processes.With("61.00422") > 0, "the call runs");

        await gateway.Process.KillAsync();
        await Eventually.HoldsAsync(() => Processes.With("61.00422") == 0 && HttpFunction.Running(gateway, "stays") == 0, "no process is left");
        await gateway.Process.StartAgainAsync();
        using var after = await gateway.PostAsync("/function/stays/born", "");

        Assert.Equal(HttpStatusCode.OK, after.StatusCode);
        Assert.NotEqual(await before.Content.ReadAsStringAsync(), await after.Content.ReadAsStringAsync());
        Assert.Equal(0, await gateway.Process.TerminateAsync());
        Assert.Equal(0, HttpFunction.Running(gateway, "stays"));
    }
}
