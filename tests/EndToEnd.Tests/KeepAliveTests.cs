using System.Globalization;
using Connectors.Testing;

namespace Connectors.EndToEnd.Tests;

/// <summary>Connections that a long call leaves quiet: the kernel asks over them whether the other side is there.</summary>
public sealed class KeepAliveTests
{
    private const string Established = "01";

    [Fact]
    public async Task While_a_call_hangs_its_connections_are_kept_alive_whoever_opened_them()
    {
        await using var pipeline = await Pipeline.StartAsync((_, http) => Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, http.RequestAborted));
        using var accepted = await pipeline.CallAsync("work", [1]);
        await pipeline.Function.ReceivesAsync(1);

        await AreKeptAliveAsync(pipeline.Worker, one => one.Remote == pipeline.Gateway.Api.Port, "opened by the worker, to the gateway");
        await AreKeptAliveAsync(pipeline.Gateway, one => one.Local == pipeline.Gateway.Api.Port, "accepted by the gateway");
        await AreKeptAliveAsync(pipeline.Gateway, one => one.Remote == pipeline.Function.Port, "opened by the gateway, to the function");
    }

    private static Task AreKeptAliveAsync(ServiceProcess service, Func<Connection, bool> which, string what) => Eventually.HoldsAsync(
        () => Connections(service).Where(which).ToList() is { Count: > 0 } some && some.TrueForAll(one => one.IsKeptAlive),
        () => $"{what}: {string.Join(", ", Connections(service).Where(which))}");

    // Of the sockets of all processes those of this one. The timer of kind 02 is keepalive's.
    private static IEnumerable<Connection> Connections(ServiceProcess service)
    {
        var process = $"/proc/{service.Process.Id}";
        var own = new DirectoryInfo($"{process}/fd").EnumerateFileSystemInfos().Select(file => file.LinkTarget ?? "").Where(target => target.StartsWith("socket:[", StringComparison.Ordinal)).ToHashSet();
        return from table in new[] { $"{process}/net/tcp", $"{process}/net/tcp6" }
               where File.Exists(table)
               from line in File.ReadLines(table).Skip(1)
               let fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries)
               where fields[3] == Established && own.Contains($"socket:[{fields[9]}]")
               select new Connection(Port(fields[1]), Port(fields[2]), fields[5].StartsWith("02:", StringComparison.Ordinal));
    }

    private static int Port(string address) => int.Parse(address.Split(':')[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    private readonly record struct Connection(int Local, int Remote, bool IsKeptAlive);
}
