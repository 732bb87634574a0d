using Microsoft.AspNetCore.Http.Features;

namespace Connectors.Gateway.Forwarding;

/// <summary>A connection that left HTTP for a websocket: from then on bytes go both ways until either side ends.</summary>
internal static class UpgradedConnection
{
    private const string WebSocket = "websocket";

    // For a server whose caller has left.
    private static readonly TimeSpan LastWords = TimeSpan.FromSeconds(5);

    /// <summary>Whether the caller asks for it. Only websockets are let through: anything else could speak to the server as the gateway.</summary>
    public static bool IsAskedFor(HttpContext caller) =>
        caller.Request.Headers.Upgrade.Count > 0
        && caller.Features.Get<IHttpUpgradeFeature>() is { IsUpgradableRequest: true }
        && caller.Request.Headers.Upgrade.ToString().Equals(WebSocket, StringComparison.OrdinalIgnoreCase);

    /// <summary>Copies both ways, however long that takes: a call's limits are those of an answer, which has come. The answer's head has been set, and goes back with this.</summary>
    public static async Task CopyAsync(UpstreamConnection server, HttpContext caller)
    {
        caller.Response.Headers.Upgrade = WebSocket;
        caller.Response.Headers.Connection = "Upgrade";
        await using var client = await caller.Features.GetRequiredFeature<IHttpUpgradeFeature>().UpgradeAsync();
        using var end = new CancellationTokenSource();
        var down = PumpAsync(server.Input.AsStream(leaveOpen: true), client, end.Token);
        var up = PumpAsync(client, server.Stream, end.Token);
        if (await Task.WhenAny(down, up) == up)
        {
            // All that the caller sent has arrived; that nothing follows is the server's to know, and to end.
            server.EndSending();
            await down.WaitAsync(LastWords, TimeProvider.System).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        // Half a websocket is of no use to anybody.
        await end.CancelAsync();
        await Task.WhenAll(down, up);
    }

    private static async Task PumpAsync(Stream from, Stream to, CancellationToken ct)
    {
        var chunk = System.Buffers.ArrayPool<byte>.Shared.Rent(16 * 1024);
        try
        {
            for (int read; (read = await from.ReadAsync(chunk, ct)) > 0;)
            {
                await to.WriteAsync(chunk.AsMemory(0, read), ct);
                await to.FlushAsync(ct);
            }
        }
        catch (Exception fault) when (fault is OperationCanceledException or IOException or ObjectDisposedException)
        {
            // One side left; the other follows.
        }
        finally
        {
            System.Buffers.ArrayPool<byte>.Shared.Return(chunk);
        }
    }
}
