using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;
using System.Text;

namespace NATS.Client.Core;

/// <summary>From nothing to a connection that the server has accepted: TCP, greeting, TLS, CONNECT, and the PONG that says yes.</summary>
internal static class Handshake
{
    public static async Task<(Stream Stream, PipeReader Reader, ServerInfo Info)> RunAsync(ServerUri server, NatsOpts opts, CancellationToken cancellationToken)
    {
        var stream = await DialAsync(server, cancellationToken).ConfigureAwait(false);
        try
        {
            var mode = opts.TlsOpts.EffectiveMode(server.IsTls);
            if (mode == TlsMode.Disable && server.IsTls)
                throw new NatsException($"URI {server} requires TLS but TlsMode is set to Disable");
            if (mode == TlsMode.Implicit)
                stream = await TlsUpgrade.UpgradeAsync(stream, server.Host, opts.TlsOpts, cancellationToken).ConfigureAwait(false);

            var reader = ReaderOf(stream, opts);
            var info = await GreetingAsync(reader, cancellationToken).ConfigureAwait(false);
            if (mode != TlsMode.Implicit && WantsTls(mode, server, info))
            {
                await reader.CompleteAsync().ConfigureAwait(false);
                stream = await TlsUpgrade.UpgradeAsync(stream, server.Host, opts.TlsOpts, cancellationToken).ConfigureAwait(false);
                reader = ReaderOf(stream, opts);
            }

            var connect = ConnectCommand.For(opts, info, tls: stream is System.Net.Security.SslStream);
            await stream.WriteAsync((byte[])[.. "CONNECT "u8, .. connect.ToJson(), .. "\r\nPING\r\n"u8], cancellationToken).ConfigureAwait(false);
            info = await AcceptedAsync(reader, info, cancellationToken).ConfigureAwait(false);
            return (stream, reader, info);
        }
        catch
        {
            await stream.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private static async Task<Stream> DialAsync(ServerUri server, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(server.Host, server.Port, cancellationToken).ConfigureAwait(false);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static PipeReader ReaderOf(Stream stream, NatsOpts opts) =>
        PipeReader.Create(stream, new StreamPipeReaderOptions(bufferSize: opts.ReaderBufferSize, leaveOpen: true));

    private static bool WantsTls(TlsMode mode, ServerUri server, ServerInfo info)
    {
        var offered = info.TlsRequired || info.TlsAvailable;
        return mode switch
        {
            TlsMode.Disable when info.TlsRequired => throw new NatsException($"Server {server} requires TLS but TlsMode is set to Disable"),
            TlsMode.Require when !offered => throw new NatsException($"Server {server} does not support TLS but TlsMode is set to Require"),
            TlsMode.Disable => false,
            _ => offered,
        };
    }

    private static async Task<ServerInfo> GreetingAsync(PipeReader reader, CancellationToken cancellationToken)
    {
        var line = await LineAsync(reader, cancellationToken).ConfigureAwait(false);
        return line.AsSpan().StartsWith("INFO "u8)
            ? ServerInfo.Parse(line.AsSpan(5))
            : throw new NatsException("Not a NATS server: the greeting is missing");
    }

    private static async Task<ServerInfo> AcceptedAsync(PipeReader reader, ServerInfo info, CancellationToken cancellationToken)
    {
        while (true)
        {
            var line = await LineAsync(reader, cancellationToken).ConfigureAwait(false);
            if (line.AsSpan().SequenceEqual("PONG"u8))
                return info;
            if (line.AsSpan().StartsWith("-ERR"u8))
                throw new NatsServerException(Encoding.ASCII.GetString(line.AsSpan(4)).Trim().Trim('\''));
            if (line.AsSpan().StartsWith("INFO "u8))
                info = ServerInfo.Parse(line.AsSpan(5));
        }
    }

    private static async Task<byte[]> LineAsync(PipeReader reader, CancellationToken cancellationToken)
    {
        while (true)
        {
            var result = await reader.ReadAsync(cancellationToken).ConfigureAwait(false);
            if (TakeLine(result.Buffer, out var next) is { } line)
            {
                reader.AdvanceTo(next);
                return line;
            }

            if (result.IsCompleted)
                throw new NatsException("Server closed the connection during the handshake");
            reader.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        }
    }

    private static byte[]? TakeLine(ReadOnlySequence<byte> buffer, out SequencePosition next)
    {
        var reader = new SequenceReader<byte>(buffer);
        var found = reader.TryReadTo(out ReadOnlySequence<byte> line, "\r\n"u8);
        next = reader.Position;
        return found ? line.ToArray() : null;
    }
}
