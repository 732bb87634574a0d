using System.Net;
using System.Net.Sockets;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Microsoft.Extensions.Logging;
using RabbitMQ.Client;

namespace Connectors.RabbitMq.Broker;

/// <summary>
/// Opens connections to the broker. Of a host with several addresses the first that answers is taken: the client by itself tries one of each family, and no other.
/// </summary>
internal sealed class BrokerDialer(RabbitMqOptions options, Dialer dialer, TimeProvider time, ILogger<BrokerDialer> log)
{
    /// <summary>Connects, within the time that the broker has for an answer. Throws a <see cref="BrokerException"/>.</summary>
    /// <param name="purpose">What the connection is for, which the broker shows behind our name.</param>
    /// <param name="ct">Gives it up.</param>
    public async Task<BrokerConnection> OpenAsync(string purpose, CancellationToken ct)
    {
        // The client limits the steps of the way by themselves, but not all of them.
        using var limit = new TimeLimit(options.Broker.AnswerTime, time, ct);
        Socket? socket = null;
        try
        {
            var factory = options.Broker.Factory($"{options.Service.Name} {Environment.MachineName} {purpose}");
            socket = await dialer.DialAsync(factory.HostName, factory.Port, limit.Token);
            var dialled = new Dialled(socket);
            factory.HostName = ((IPEndPoint)socket.RemoteEndPoint!).Address.ToString(); // connected, so it has one
            factory.SocketFactory = _ => dialled;
            return new BrokerConnection(await factory.CreateConnectionAsync(limit.Token).WaitAsync(limit.Token), socket, options.Broker, time, log);
        }
        catch (Exception fault)
        {
            // The client leaves it open, and goes on reading from it, for as long as a broker is silent.
            socket?.Dispose();
            if (ct.IsCancellationRequested)
            {
                throw;
            }

            throw new BrokerException(limit.IsOver ? BrokerFault.Silent(options.Broker) : BrokerFault.Of(fault, options.Broker));
        }
    }

    // For the client, which would connect by itself.
    private sealed class Dialled(Socket socket) : TcpClientAdapter(socket)
    {
        public override Task ConnectAsync(IPAddress ep, int port, CancellationToken cancellationToken = default) => Task.CompletedTask;
    }
}
