using Connectors.Testing;

namespace Connectors.Faults.Tests;

/// <summary>
/// The disk of the only nats-server is full for a while under load. What was accepted before is kept, what comes meanwhile is refused, and once there is room
/// everything goes on. That server says that it writes no more, and has to be started again; nothing else has.
/// </summary>
public sealed class FullDiskTests
{
    private const string NoRoom = "no space left on device";

    [Fact]
    public async Task A_full_disk_of_the_only_server_costs_no_accepted_call()
    {
        await using var system = await FaultySystem.StartAsync("static", servers: 1, areBreakable: true);
        await using var load = new Load([.. system.Gateways.Select(gateway => gateway.Api)], system.CallbackUrl, seed: 1);
        await load.IsQuietAsync(system);
        load.Start();
        await system.Function.HasAsync(50);
        var server = system.Nats.Servers[0];
        var from = TimeProvider.System.GetUtcNow();

        server.FillDisk();
        await Eventually.HoldsAsync(() => server.Says(NoRoom), "it finds its disk full");
        await Eventually.HoldsAsync(() => load.Calls.Count(call => call.IsUnknown) >= 4, "calls are refused");
        server.FreeDisk();
        await server.StopAsync();
        await server.StartAgainAsync();
        await load.IsQuietAsync(system);

        // What was in flight when the disk was full, and when the server went.
        var account = new Account();
        var fault = new Fault("disk full", ["nats"], () => Task.CompletedTask, 4 * FaultySystem.Slots, 4 * FaultySystem.Slots);
        account.Struck.Add(new Strike(fault, from, TimeProvider.System.GetUtcNow()));
        await load.StopAsync();
        account.Left = await system.IsDoneAsync();
        account.Close(system, load, await system.DeadLettersAsync());
        Assert.True(account.Violations.Count == 0, $"{account.Text}\n{server.Log}");
    }
}
