using System.Net;
using Connectors.Sdk.Invocation;

namespace Connectors.QueueWorker.Callbacks;

/// <summary>
/// The connections that callbacks go out by: no proxy, no redirects, and the address rules checked on the address that is really dialled, so that a
/// name cannot resolve to one thing when it is looked at and to another when it is used.
/// </summary>
internal static class CallbackConnections
{
    public static SocketsHttpHandler Handler(CallbackOptions options, Dialer network)
    {
        var rules = new CallbackAddresses(options.Allow, options.AllowsPrivate);
        var handler = HttpConnections.Pool();
        handler.ConnectCallback = (context, ct) => ConnectAsync(rules, network, context.DnsEndPoint, ct);
        if (options.TlsInsecure)
        {
            // The operator's wish, by the name that the OpenFaaS chart gives it.
            handler.SslOptions.RemoteCertificateValidationCallback = (_, _, _, _) => true;
        }

        return handler;
    }

    private static async ValueTask<Stream> ConnectAsync(CallbackAddresses rules, Dialer network, DnsEndPoint target, CancellationToken ct)
    {
        var addresses = await network.AddressesAsync(target.Host, ct);
        var allowed = addresses.Where(address => rules.Allows(target.Host, address)).ToArray();
        if (allowed.Length == 0 && addresses.Count > 0)
        {
            throw new AddressRefusedException($"callbacks may not go to {target.Host}; see callback_allow");
        }

        return HttpConnections.Over(await network.DialAsync(allowed, target.Port, ct));
    }
}

/// <summary>Our own rules refuse an address.</summary>
internal sealed class AddressRefusedException(string message) : IOException(message);
