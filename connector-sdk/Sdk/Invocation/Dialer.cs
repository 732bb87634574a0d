using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Connectors.Sdk.Hosting;

namespace Connectors.Sdk.Invocation;

/// <summary>
/// Opens connections. Of a host with several addresses, the next one is tried beside those before it once they have been silent for a while, or at once when one
/// fails (as RFC 8305 has it), and the first that answers is taken: an address behind which nobody is costs a moment, not the whole time of a call. Whoever
/// dials a host while it is looked up shares that look-up, and nothing is remembered after it: .NET makes look-ups of one name one after another, so that a
/// hundred connections would wait for a hundred of them.
/// </summary>
/// <param name="time">The clock.</param>
public sealed class Dialer(TimeProvider time)
{
    /// <summary>How long an address is waited for before the next one is tried too.</summary>
    internal static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(300);

    // The look-ups that run, one for a host.
    private readonly ConcurrentDictionary<string, LookUp> _running = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>How names become addresses: the system's way, unless a test puts in names that change.</summary>
    public Func<string, CancellationToken, Task<IPAddress[]>> LookUpAsync { get; init; } = Dns.GetHostAddressesAsync;

    /// <summary>How an address becomes a connection: the system's way, unless a test puts in networks that are not there.</summary>
    public Func<IPEndPoint, CancellationToken, Task<Socket>> OpenAsync { get; init; } = OpenSocketAsync;

    /// <summary>
    /// The addresses of a host; a literal is its own. A look-up can be left at any time, though it cannot be ended itself. Those who share one begin at another
    /// address each, so that not all of them go to the first.
    /// </summary>
    public async Task<IReadOnlyList<IPAddress>> AddressesAsync(string host, CancellationToken ct) =>
        IPAddress.TryParse(host, out var literal) ? [literal] : await _running.GetOrAdd(host, name => new LookUp(() => LookUpOnceAsync(name))).AddressesAsync(ct);

    /// <summary>A connection to a host.</summary>
    public async Task<Socket> DialAsync(string host, int port, CancellationToken ct) => await DialAsync(await AddressesAsync(host, ct), port, ct);

    /// <summary>A connection to the first of <paramref name="addresses"/> that answers; if none does, the last fault is thrown.</summary>
    public async Task<Socket> DialAsync(IReadOnlyList<IPAddress> addresses, int port, CancellationToken ct)
    {
        if (addresses.Count == 1)
        {
            return await OpenAsync(new IPEndPoint(addresses[0], port), ct);
        }

        using var over = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var running = new List<Task<Socket>>();
        try
        {
            Exception fault = new SocketException((int)SocketError.HostNotFound);
            for (var next = 0; ;)
            {
                ct.ThrowIfCancellationRequested();
                if (next < addresses.Count)
                {
                    running.Add(OpenAsync(new IPEndPoint(addresses[next++], port), over.Token));
                }
                else if (running.Count == 0)
                {
                    throw fault;
                }

                var silence = Task.Delay(next < addresses.Count ? Patience : Timeout.InfiniteTimeSpan, time, over.Token);
                if (await Task.WhenAny([.. running, silence]) is not Task<Socket> ended)
                {
                    continue;
                }

                running.Remove(ended);
                try
                {
                    return await ended;
                }
                catch (Exception failed)
                {
                    fault = failed;
                }
            }
        }
        finally
        {
            await over.CancelAsync();
            running.ForEach(other => _ = CloseAsync(other));
        }
    }

    private async Task<IPAddress[]> LookUpOnceAsync(string host)
    {
        try
        {
            return await LookUpAsync(host, CancellationToken.None);
        }
        finally
        {
            _running.TryRemove(host, out _);
        }
    }

    private static async Task CloseAsync(Task<Socket> opening)
    {
        try
        {
            (await opening).Dispose();
        }
        catch (Exception fault) when (fault is SocketException or OperationCanceledException or IOException)
        {
            // It was not the first, and nobody waits for it.
        }
    }

    private static async Task<Socket> OpenSocketAsync(IPEndPoint address, CancellationToken ct)
    {
        var socket = KeepAlive.On(new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true });
        try
        {
            await socket.ConnectAsync(address, ct);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    // Begun by whoever comes first; all wait for it, each as long as he likes.
    private sealed class LookUp(Func<Task<IPAddress[]>> begin)
    {
        private readonly Lazy<Task<IPAddress[]>> _found = new(begin);
        private int _turns = -1;

        public async Task<IPAddress[]> AddressesAsync(CancellationToken ct)
        {
            var turn = Interlocked.Increment(ref _turns);
            var found = await _found.Value.WaitAsync(ct);
            return turn == 0 || found.Length < 2 ? found : Turned(found, turn);
        }

        // Which family comes first stays as the system says; those of one family change places.
        private static IPAddress[] Turned(IPAddress[] found, int turn)
        {
            var families = found.GroupBy(address => address.AddressFamily).ToDictionary(
                family => family.Key,
                family => new Queue<IPAddress>(family.Skip(turn % family.Count()).Concat(family.Take(turn % family.Count()))));
            return [.. found.Select(address => families[address.AddressFamily].Dequeue())];
        }
    }
}
