using System.Net.Sockets;
using Connectors.Sdk.Invocation;
using NATS.Client.Core;

namespace Connectors.Streams.Nats;

/// <summary>
/// Opens connections to NATS servers. Of a name with several addresses the first that answers is taken; the client by itself tries them one after another, and
/// one behind which nobody is takes all the time that there is for them together.
/// </summary>
internal sealed class ServerDialer(Dialer dialer) : INatsSocketConnectionFactory
{
    public async ValueTask<INatsSocketConnection> ConnectAsync(Uri uri, NatsOpts opts, CancellationToken cancellationToken) =>
        new Dialled(await dialer.DialAsync(uri.IdnHost, uri.Port, cancellationToken));

    // What the client makes a connection with TLS of, for the name and not for the address, where that is asked for.
    private sealed class Dialled(Socket socket) : INatsTlsUpgradeableSocketConnection
    {
        public Socket Socket => socket;

        public ValueTask<int> SendAsync(ReadOnlyMemory<byte> buffer) => socket.SendAsync(buffer, CancellationToken.None);

        public ValueTask<int> ReceiveAsync(Memory<byte> buffer) => socket.ReceiveAsync(buffer, CancellationToken.None);

        public ValueTask DisposeAsync()
        {
            try
            {
                socket.Shutdown(SocketShutdown.Both);
            }
            catch (Exception fault) when (fault is SocketException or ObjectDisposedException)
            {
                // It has ended by itself.
            }

            socket.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
