using System.Net.Sockets;
using System.Text;

namespace Connectors.Gateway.Tests;

/// <summary>HTTP/1.1 by hand, for what HttpClient will not send: repeated lines, foreign bytes, halves of requests.</summary>
public sealed class RawHttp : IDisposable
{
    private readonly TcpClient _client = new();

    public NetworkStream Stream { get; private set; } = null!; // set when connected

    public static async Task<RawHttp> ConnectAsync(Uri server)
    {
        var raw = new RawHttp();
        await raw._client.ConnectAsync(server.Host, server.Port);
        raw.Stream = raw._client.GetStream();
        return raw;
    }

    /// <summary>Sends one request, closes its half of the connection and returns everything that came back.</summary>
    public static async Task<string> AskAsync(Uri server, string head, string body = "")
    {
        using var raw = await ConnectAsync(server);
        await raw.SendAsync(head.ReplaceLineEndings("\r\n") + $"Connection: close\r\nContent-Length: {Encoding.Latin1.GetByteCount(body)}\r\n\r\n{body}");
        return await raw.ReadToEndAsync();
    }

    /// <summary>Closes this side's half of the connection.</summary>
    public void EndSending()
    {
        try
        {
            _client.Client.Shutdown(SocketShutdown.Send);
        }
        catch (Exception fault) when (fault is SocketException or ObjectDisposedException)
        {
            // The other side was first.
        }
    }

    /// <summary>Each char is a byte.</summary>
    public async Task SendAsync(string text) => await Stream.WriteAsync(Encoding.Latin1.GetBytes(text));

    /// <summary>Reads until the other side ends the connection, in good order or not.</summary>
    public async Task<string> ReadToEndAsync()
    {
        using var all = new MemoryStream();
        try
        {
            await Stream.CopyToAsync(all);
        }
        catch (IOException)
        {
            // Cut.
        }

        return Encoding.Latin1.GetString(all.ToArray());
    }

    /// <summary>Reads until what came ends with, or holds, <paramref name="text"/>.</summary>
    public async Task<string> ReadUntilAsync(string text)
    {
        var all = new StringBuilder();
        var chunk = new byte[4096];
        while (!all.ToString().Contains(text, StringComparison.Ordinal))
        {
            var read = await Stream.ReadAsync(chunk);
            Assert.True(read > 0, $"The connection ended before \"{text}\":\n{all}");
            all.Append(Encoding.Latin1.GetString(chunk, 0, read));
        }

        return all.ToString();
    }

    public void Dispose() => _client.Dispose();
}
