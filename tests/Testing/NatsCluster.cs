namespace Connectors.Testing;

/// <summary>Three real nats-servers that form a cluster, server <c>n0</c> the first of them and so on; or one that stands alone.</summary>
public sealed class NatsCluster : IAsyncDisposable
{
    private const int Attempts = 4;
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(30);

    private NatsCluster(IReadOnlyList<NatsServer> servers) => Servers = servers;

    /// <summary>The servers.</summary>
    public IReadOnlyList<NatsServer> Servers { get; }

    /// <summary>
    /// Starts the servers. On a busy machine a new cluster may settle on a leader that knows of too few servers, and stays so: one in which
    /// <paramref name="takesReplicas"/> goes on to fail is thrown away for another.
    /// </summary>
    /// <param name="takesReplicas">Makes a stream on three servers, and deletes it.</param>
    /// <param name="floor">Whether they are the oldest that the product works with.</param>
    /// <param name="config">More configuration for the server of a number, from 0.</param>
    /// <param name="syncInterval">For <see cref="NatsServer.CutPowerAsync"/>: how often they flush.</param>
    /// <param name="size">How many they are.</param>
    /// <param name="canFill">Whether <see cref="NatsServer.FillDisk"/> may be called.</param>
    /// <param name="relay">
    /// The port by which one server (the first number) reaches another's (the second), whose own port is the third number; null for that port itself. With it
    /// servers tell each other nothing of further ways: each advertises a port on which nobody listens.
    /// </param>
    public static async Task<NatsCluster> StartAsync(
        Func<NatsServer, Task> takesReplicas,
        bool floor = false,
        Func<int, string>? config = null,
        string? syncInterval = null,
        int size = 3,
        bool canFill = false,
        Func<int, int, int, int>? relay = null)
    {
        for (var attempt = 1; ; attempt++)
        {
            var cluster = await StartOneAsync(size, floor, config, syncInterval, canFill, relay);
            try
            {
                await Eventually.HoldsAsync(
                    async () =>
                    {
                        await takesReplicas(cluster.Servers[0]);
                        return true;
                    },
                    "the cluster takes streams with replicas",
                    attempt < Attempts ? Settling : null);
                return cluster;
            }
            catch (TimeoutException) when (attempt < Attempts)
            {
                await cluster.DisposeAsync();
            }
        }
    }

    private static async Task<NatsCluster> StartOneAsync(int size, bool floor, Func<int, string>? config, string? syncInterval, bool canFill, Func<int, int, int, int>? relay)
    {
        var ports = Enumerable.Range(0, size).Select(_ => FreePort.Next()).ToArray();
        var servers = new List<NatsServer>();
        for (var i = 0; i < size; i++)
        {
            var routes = string.Join(", ", ports.Select((port, to) => $"\"nats://127.0.0.1:{(to == i ? port : relay?.Invoke(i, to, port) ?? port)}\""));
            var cluster = size == 1 ? "" : $"cluster {{ name: c, listen: \"127.0.0.1:{ports[i]}\", routes: [{routes}]{(relay is null ? "" : ", advertise: \"127.0.0.1:1\"")} }}";
            servers.Add(await NatsServer.StartAsync($"server_name: n{i}\n{cluster}\n{config?.Invoke(i)}", floor: floor, syncInterval: syncInterval, canFill: canFill));
        }

        return new NatsCluster(servers);
    }

    /// <summary>The server of a name.</summary>
    public NatsServer Named(string name) => Servers[name[^1] - '0'];

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var server in Servers)
        {
            server.Resume();
            await server.DisposeAsync();
        }
    }
}
