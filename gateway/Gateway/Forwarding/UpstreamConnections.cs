using System.Collections.Concurrent;
using System.IO.Pipelines;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;

namespace Connectors.Gateway.Forwarding;

/// <summary>Connections to servers, kept for the next request. A connection is lent to one exchange at a time; only one that ended in good order comes back.</summary>
internal sealed class UpstreamConnections : IAsyncDisposable
{
    private static readonly TimeSpan ConnectLimit = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan IdleLimit = TimeSpan.FromSeconds(30);

    // A server closes an idle connection about when it said: from a second before, a request could meet the close on its way.
    private static readonly TimeSpan IdleMargin = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<string, UpstreamServer> _servers = new();
    private readonly ConcurrentDictionary<string, UpstreamServer>.AlternateLookup<ReadOnlySpan<char>> _serversBySpan;
    private readonly TimeProvider _time;
    private readonly Random _random;
    private readonly Dialer _dialer;
    private readonly ITimer _sweeping;

    public UpstreamConnections(TimeProvider time, Random random, Dialer? dialer = null)
    {
        (_time, _random) = (time, random);
        _dialer = dialer ?? new Dialer(time);
        _serversBySpan = _servers.GetAlternateLookup<ReadOnlySpan<char>>();
        _sweeping = time.CreateTimer(_ => Sweep(), null, IdleLimit, IdleLimit);
    }

    /// <summary>Splits <c>http://host:port/path?query</c>: what follows the server goes out as it stands.</summary>
    public (UpstreamServer Server, string PathAndQuery) Split(string target)
    {
        var begin = target.IndexOf("://", StringComparison.Ordinal) + 3;
        var path = target.AsSpan(begin).IndexOfAny('/', '?');
        var address = path < 0 ? target : target.AsSpan(0, begin + path);
        var rest = path < 0 ? "/" : target[(begin + path)..];
        return (_serversBySpan.TryGetValue(address, out var known) ? known : Add(address.ToString()), rest.StartsWith('/') ? rest : "/" + rest);
    }

    /// <summary>One that was used before and still stands; null if there is none.</summary>
    public UpstreamConnection? Reuse(UpstreamServer server)
    {
        while (server.Take() is { } connection)
        {
            if (IsUsable(connection))
            {
                return connection;
            }

            connection.Dispose();
        }

        return null;
    }

    /// <summary>A new one; <see cref="IOException"/> or <see cref="SocketException"/> if there is no way to the server.</summary>
    public async Task<UpstreamConnection> ConnectAsync(UpstreamServer server, CancellationToken ct)
    {
        using var limit = new TimeLimit(ConnectLimit, _time, ct);
        Socket? socket = null;
        try
        {
            socket = await _dialer.DialAsync(server.Host, server.Port, limit.Token);
            Stream stream = new NetworkStream(socket, ownsSocket: true);
            return new UpstreamConnection(server, socket, server.IsTls ? await SecureAsync(stream, server, limit.Token) : stream)
            {
                AgesAt = Now + HttpConnections.Lifetime(_random),
            };
        }
        catch (Exception fault)
        {
            socket?.Dispose();
            throw fault is OperationCanceledException && !ct.IsCancellationRequested
                ? new IOException($"no connection to {server.Address} within {ConnectLimit.TotalSeconds} s")
                : fault is System.Security.Authentication.AuthenticationException
                    ? new IOException(fault.Message, fault)
                    : fault;
        }
    }

    /// <summary>Takes back one whose exchange ended in good order.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="promised">For how long its server said that it keeps it; null if it did not say.</param>
    public void Keep(UpstreamConnection connection, TimeSpan? promised)
    {
        var limit = promised is { } said && said - IdleMargin < IdleLimit ? said - IdleMargin : IdleLimit;
        var idleUntil = Now + limit;
        connection.KeptUntil = idleUntil < connection.AgesAt ? idleUntil : connection.AgesAt;
        _servers.GetOrAdd(connection.Server.Address, connection.Server).Keep(connection);
    }

    public async ValueTask DisposeAsync()
    {
        await _sweeping.DisposeAsync();
        foreach (var connection in _servers.Values.SelectMany(server => server.TakeAll()))
        {
            connection.Dispose();
        }
    }

    private UpstreamServer Add(string address) => _servers.GetOrAdd(address, UpstreamServer.Of);

    // By no calendar: a clock that is set keeps nothing longer.
    private TimeSpan Now => _time.GetElapsedTime(0);

    private bool IsUsable(UpstreamConnection connection) => Now < connection.KeptUntil && connection.IsIdle;

    // A server that is not asked any more, such as a process that was replaced, leaves nothing behind.
    private void Sweep()
    {
        foreach (var server in _servers.Values)
        {
            var hasSome = false;
            foreach (var connection in server.TakeAll())
            {
                if (IsUsable(connection))
                {
                    hasSome = true;
                    server.Keep(connection);
                }
                else
                {
                    connection.Dispose();
                }
            }

            if (!hasSome)
            {
                // One that comes back right now is kept where nobody looks, and ends with its finalizer.
                _servers.TryRemove(KeyValuePair.Create(server.Address, server));
            }
        }
    }

    private static async Task<Stream> SecureAsync(Stream stream, UpstreamServer server, CancellationToken ct)
    {
        var secure = new SslStream(stream);
        await secure.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions { TargetHost = server.Host, ApplicationProtocols = [SslApplicationProtocol.Http11] }, ct);
        return secure;
    }
}

/// <summary>Where connections go, and those that nobody uses now.</summary>
internal sealed class UpstreamServer
{
    // Guards the stack. The one used last is used next: the others may rest, and end.
    private readonly Lock _lending = new();
    private readonly Stack<UpstreamConnection> _idle = new();

    private UpstreamServer(string address, Uri parsed)
    {
        Address = address;
        IsTls = parsed.Scheme == Uri.UriSchemeHttps;
        Host = parsed.DnsSafeHost;
        Port = parsed.Port;
        Authority = Encoding.Latin1.GetBytes(parsed.Authority);
    }

    /// <summary>Scheme, host and port, as the target has them.</summary>
    public string Address { get; }

    public bool IsTls { get; }

    /// <summary>Name or address, without brackets.</summary>
    public string Host { get; }

    public int Port { get; }

    /// <summary>Host and port as the <c>Host</c> header has them.</summary>
    public ReadOnlyMemory<byte> Authority { get; }

    public static UpstreamServer Of(string address) => new(address, new Uri(address));

    public void Keep(UpstreamConnection connection)
    {
        lock (_lending)
        {
            _idle.Push(connection);
        }
    }

    public UpstreamConnection? Take()
    {
        lock (_lending)
        {
            return _idle.TryPop(out var connection) ? connection : null;
        }
    }

    /// <summary>All of them, the one used longest ago first.</summary>
    public IReadOnlyList<UpstreamConnection> TakeAll()
    {
        lock (_lending)
        {
            var all = _idle.Reverse().ToList();
            _idle.Clear();
            return all;
        }
    }
}

/// <summary>One connection, and what was read from it but not used yet.</summary>
internal sealed class UpstreamConnection(UpstreamServer server, Socket socket, Stream stream) : IDisposable
{
    private static readonly StreamPipeReaderOptions Reading = new(bufferSize: 16 * 1024, leaveOpen: true);
    private static readonly StreamPipeWriterOptions Writing = new(leaveOpen: true);

    public UpstreamServer Server => server;

    public Stream Stream => stream;

    public PipeReader Input { get; } = PipeReader.Create(stream, Reading);

    public PipeWriter Output { get; } = PipeWriter.Create(stream, Writing);

    /// <summary>From when on it takes no further request.</summary>
    public required TimeSpan AgesAt { get; init; }

    /// <summary>Until when it may rest, which is never beyond <see cref="AgesAt"/>.</summary>
    public TimeSpan KeptUntil { get; set; }

    /// <summary>Whether nothing came since the last exchange: neither its end nor bytes that nobody asked for.</summary>
    public bool IsIdle
    {
        get
        {
            try
            {
                return !HasUnread && !socket.Poll(0, SelectMode.SelectRead);
            }
            catch (Exception fault) when (fault is SocketException or ObjectDisposedException)
            {
                return false;
            }
        }
    }

    /// <summary>Whether bytes were read that belong to no answer.</summary>
    public bool HasUnread
    {
        get
        {
            if (!Input.TryRead(out var read))
            {
                return false;
            }

            Input.AdvanceTo(read.Buffer.Start);
            return !read.Buffer.IsEmpty || read.IsCompleted;
        }
    }

    /// <summary>Tells the server that nothing more is sent; it may still answer.</summary>
    public void EndSending()
    {
        try
        {
            socket.Shutdown(SocketShutdown.Send);
        }
        catch (Exception fault) when (fault is SocketException or ObjectDisposedException)
        {
            // It has left.
        }
    }

    // Reader and writer are not completed: that would give memory back into which a cut exchange may still read.
    public void Dispose() => stream.Dispose();
}
