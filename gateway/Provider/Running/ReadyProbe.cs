using System.Net.Sockets;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;

namespace Connectors.Provider.Running;

/// <summary>Asks a process that has just started whether it takes calls.</summary>
internal static class ReadyProbe
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan MaxAnswer = TimeSpan.FromSeconds(1);
    private static readonly HttpMessageInvoker Http = new(HttpConnections.Create());

    /// <summary>Returns the first of the addresses at which <paramref name="path"/> answers 200, or, without a path, the port is open.</summary>
    public static async Task<string> WaitAsync(IReadOnlyList<string> addresses, string? path, TimeProvider time, CancellationToken ct)
    {
        while (true)
        {
            foreach (var address in addresses)
            {
                if (await IsReadyAsync(new Uri(address), path, time, ct))
                {
                    return address;
                }
            }

            await Task.Delay(Pause, time, ct);
        }
    }

    /// <summary>Returns once nobody listens there. False if somebody still does after <paramref name="most"/>.</summary>
    public static async Task<bool> UntilFreeAsync(string address, TimeSpan most, TimeProvider time, CancellationToken ct)
    {
        var begun = time.GetTimestamp();
        while (await IsReadyAsync(new Uri(address), path: null, time, ct))
        {
            if (time.GetElapsedTime(begun) >= most)
            {
                return false;
            }

            await Task.Delay(Pause, time, ct);
        }

        return true;
    }

    private static async Task<bool> IsReadyAsync(Uri address, string? path, TimeProvider time, CancellationToken ct)
    {
        using var limit = new TimeLimit(MaxAnswer, time, ct);
        try
        {
            if (path is null)
            {
                using var socket = new TcpClient();
                await socket.ConnectAsync(address.DnsSafeHost, address.Port, limit.Token);
                return true;
            }

            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(address, path));
            using var answer = await Http.SendAsync(request, limit.Token);
            return answer.IsSuccessStatusCode;
        }
        catch (Exception fault) when (fault is SocketException or HttpRequestException || (fault is OperationCanceledException && !ct.IsCancellationRequested))
        {
            return false;
        }
    }
}
