using System.Net.Sockets;

namespace Connectors.Sdk.Invocation;

/// <summary>
/// A connection for SocketsHttpHandler, which reads an answer only once it has sent the whole request. Who answers at the head and hangs up has the sending fail:
/// that is kept back here, and what is still to be sent is dropped, so that the handler goes on to read what was answered. If that is nothing, or less than a
/// whole answer, reading fails.
/// </summary>
internal sealed class HearingStream(Socket socket) : NetworkStream(socket, ownsSocket: true)
{
    private IOException? _hungUp;

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_hungUp is not null)
        {
            return;
        }

        try
        {
            await base.WriteAsync(buffer, cancellationToken);
        }
        catch (IOException fault) when (fault.InnerException is SocketException { SocketErrorCode: SocketError.ConnectionReset or SocketError.Shutdown })
        {
            _hungUp = fault;
        }
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        _hungUp is { } fault ? ReadRestAsync(fault, buffer, cancellationToken) : base.ReadAsync(buffer, cancellationToken);

    // Where the connection's end is the answer's, half of an answer would look whole: a reset may have cost the rest.
    private async ValueTask<int> ReadRestAsync(IOException fault, Memory<byte> buffer, CancellationToken ct)
    {
        var read = await base.ReadAsync(buffer, ct);
        return read == 0 && buffer.Length > 0 ? throw fault : read;
    }
}
