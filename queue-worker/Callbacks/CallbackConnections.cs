using System.Net;
using System.Net.Sockets;
using Connectors.Sdk.Invocation;

namespace Connectors.QueueWorker.Callbacks;

/// <summary>
/// The connections that callbacks go out by: no proxy, no redirects, and the address rules checked on the address that is really dialled, so that a
/// name cannot resolve to one thing when it is looked at and to another when it is used.
/// </summary>
internal static class CallbackConnections
{
    public static SocketsHttpHandler Handler(CallbackOptions options, CallbackNetwork network)
    {
        var rules = new CallbackAddresses(options.Allow, options.AllowsPrivate);
        var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            AllowAutoRedirect = false,
            UseCookies = false,
            ActivityHeadersPropagator = null,
            ConnectCallback = (context, ct) => ConnectAsync(rules, network, context.DnsEndPoint, ct),
            RequestHeaderEncodingSelector = HttpConnections.EncodingOf,
            ResponseHeaderEncodingSelector = (_, _) => System.Text.Encoding.Latin1,
        };
        if (options.TlsInsecure)
        {
            // The operator's wish, by the name that the OpenFaaS chart gives it.
            handler.SslOptions.RemoteCertificateValidationCallback = (_, _, _, _) => true;
        }

        return handler;
    }

    private static async ValueTask<Stream> ConnectAsync(CallbackAddresses rules, CallbackNetwork network, DnsEndPoint target, CancellationToken ct)
    {
        var addresses = IPAddress.TryParse(target.Host, out var literal) ? [literal] : await network.LookUpAsync(target.Host, ct);
        var allowed = addresses.Where(address => rules.Allows(target.Host, address)).ToArray();
        if (allowed.Length == 0 && addresses.Length > 0)
        {
            throw new AddressRefusedException($"callbacks may not go to {target.Host}; see callback_allow");
        }

        return await network.DialAsync(allowed, target.Port, ct);
    }
}

/// <summary>Our own rules refuse an address.</summary>
internal sealed class AddressRefusedException(string message) : IOException(message);

/// <summary>How names become addresses, and addresses connections: the system's way, unless a test puts in names that change or networks that are not there.</summary>
internal sealed record CallbackNetwork
{
    public Func<string, CancellationToken, Task<IPAddress[]>> LookUpAsync { get; init; } = Dns.GetHostAddressesAsync;

    public Func<IPAddress[], int, CancellationToken, Task<Stream>> DialAsync { get; init; } = DialSocketAsync;

    private static async Task<Stream> DialSocketAsync(IPAddress[] addresses, int port, CancellationToken ct)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(addresses, port, ct);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
