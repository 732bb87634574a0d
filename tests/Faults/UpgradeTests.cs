namespace Connectors.Faults.Tests;

/// <summary>
/// Another version's services and this one's side by side over the same streams, under load: each gateway and worker is replaced, one after the other, up to
/// this version and down again. <c>./test --upgrade</c> builds the other one and runs this.
/// </summary>
public sealed class UpgradeTests(ITestOutputHelper output)
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(3);

    [Theory(Explicit = true)]
    [InlineData("static")]
    [InlineData("function")]
    public async Task Nothing_is_lost_while_versions_change_in_either_direction(string mode)
    {
        var other = Environment.GetEnvironmentVariable("CONNECTORS_UPGRADE_FROM") ?? throw new InvalidOperationException("CONNECTORS_UPGRADE_FROM names the folder of the other version's programs");
        await using var system = await FaultySystem.StartAsync(mode, servers: 1, version: other);
        await using var load = new Load([.. system.Gateways.Select(gateway => gateway.Api)], system.CallbackUrl, seed: 1);
        var account = new Account();
        await load.IsQuietAsync(system);
        load.Start();
        try
        {
            foreach (var version in new[] { null, other, null })
            {
                system.Version = version;
                for (var i = 0; i < system.Workers.Length; i++)
                {
                    await ReplaceAsync(system, load, account, $"worker {i}", version, async which =>
                    {
                        await FaultySystem.TerminateAsync(system.Workers[which]);
                        await system.StartWorkerAsync(which);
                    });
                    await ReplaceAsync(system, load, account, $"gateway {i}", version, async which =>
                    {
                        await FaultySystem.TerminateAsync(system.Gateways[which]);
                        await system.StartGatewayAsync(which);
                    });
                }
            }

            await load.StopAsync();
            account.Left = await system.IsDoneAsync();
            account.Close(system, load, await system.DeadLettersAsync());
        }
        catch (Exception fault) when (fault is TimeoutException or InvalidOperationException)
        {
            account.Violations.Add(fault.Message);
        }

        output.WriteLine(account.Text);
        Assert.True(account.Violations.Count == 0, $"{string.Join('\n', account.Violations)}\n{string.Join("\n\n", system.Workers.Concat(system.Gateways).Select(service => service.Process.Tail(15)))}");
    }

    private static async Task ReplaceAsync(FaultySystem system, Load load, Account account, string part, string? version, Func<int, Task> replace)
    {
        // As with a proper restart, nothing may run again.
        var fault = new Fault($"{part} becomes {(version is null ? "this version" : "the other one")}", [part], () => replace(part[^1] - '0'), 0, 0);
        var from = TimeProvider.System.GetUtcNow();
        await fault.StrikeAsync();
        await load.IsQuietAsync(system);
        await Task.Delay(Pause, TimeProvider.System);
        account.Struck.Add(new Strike(fault, from, TimeProvider.System.GetUtcNow()));
    }
}
