using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace Connectors.Provider.Running;

/// <summary>
/// A port for a process to listen on; no other process of ours is given it until it is disposed. One that is chosen here lies below those that the kernel gives
/// to outgoing connections, so that none takes it before the process does. A process that finds it taken by somebody else ends, and the next one gets another.
/// </summary>
internal sealed class ProcessPort : IDisposable
{
    private const int First = 10_000;
    private const int UsualBeyond = 32_768;

    // Of which one is free unless somebody holds nearly all of them; then it is tried again later.
    private const int MaxTries = 1000;

    // Whose each port is. Also the lock that guards it.
    private static readonly Dictionary<int, ProcessPort> Taken = [];
    private static readonly int Beyond = ReadBeyond();

    private readonly CancellationToken _leaving;
    private readonly TaskCompletionSource _given = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private ProcessPort(int number, CancellationToken leaving)
    {
        Number = number;
        _leaving = leaving;
    }

    public int Number { get; }

    /// <summary>A port that is free.</summary>
    /// <param name="leaving">Cancelled once whoever takes it is on its way out.</param>
    /// <exception cref="InvalidOperationException">None was found.</exception>
    public static ProcessPort Take(CancellationToken leaving) => Take(IsFree, leaving);

    /// <summary>As above, with another way of looking whether a port is free.</summary>
    public static ProcessPort Take(Func<int, bool> isFree, CancellationToken leaving)
    {
        for (var i = 0; i < MaxTries; i++)
        {
            var port = new ProcessPort(RandomNumberGenerator.GetInt32(First, Beyond), leaving);
            lock (Taken)
            {
                if (isFree(port.Number) && Taken.TryAdd(port.Number, port))
                {
                    return port;
                }
            }
        }

        throw new InvalidOperationException($"of the ports from {First} to {Beyond - 1}, {MaxTries} were tried and none is free");
    }

    /// <summary>A port that the function names itself. Waits for a process of ours that has it and is on its way out. Null if another of ours has it.</summary>
    /// <param name="number">The port.</param>
    /// <param name="leaving">As for <see cref="Take"/>.</param>
    /// <param name="ct">Ends the wait.</param>
    public static async Task<ProcessPort?> TryTakeAsync(int number, CancellationToken leaving, CancellationToken ct)
    {
        while (true)
        {
            ProcessPort? holder;
            lock (Taken)
            {
                if (!Taken.TryGetValue(number, out holder))
                {
                    return Taken[number] = new ProcessPort(number, leaving);
                }
            }

            if (!holder._leaving.IsCancellationRequested)
            {
                return null;
            }

            await holder._given.Task.WaitAsync(ct);
        }
    }

    /// <summary>For a port of the gateway's own: no process is ever given it, whether or not somebody listens there yet.</summary>
    public static void Withhold(int number)
    {
        lock (Taken)
        {
            Taken[number] = new ProcessPort(number, CancellationToken.None);
        }
    }

    public void Dispose()
    {
        lock (Taken)
        {
            Taken.Remove(Number);
        }

        _given.TrySetResult();
    }

    // At both: whoever listened at either would be taken for the process.
    private static bool IsFree(int port) => IsFree(IPAddress.Loopback, port) && IsFree(IPAddress.IPv6Loopback, port);

    private static bool IsFree(IPAddress address, int port)
    {
        try
        {
            using var listener = new TcpListener(address, port);
            listener.Start();
            return true;
        }
        catch (SocketException fault)
        {
            // A machine without IPv6 has nobody listening there.
            return fault.SocketErrorCode is SocketError.AddressNotAvailable or SocketError.AddressFamilyNotSupported;
        }
    }

    // The first port of outgoing connections, unless the range leaves too little below it.
    private static int ReadBeyond()
    {
        const string Range = "/proc/sys/net/ipv4/ip_local_port_range";
        var first = File.Exists(Range) ? int.Parse(File.ReadAllText(Range).Split('\t')[0], CultureInfo.InvariantCulture) : UsualBeyond;
        return first >= First + 1000 ? Math.Min(first, 60_000) : UsualBeyond;
    }
}
