using System.Net.Sockets;
using System.Text;

namespace Connectors.Testing.Tests;

public class HttpLedgerTests
{
    [Fact]
    public async Task Keeps_raw_target_repeated_headers_and_body()
    {
        await using var ledger = await HttpLedger.StartWithStatusesAsync(500, 200);

        var first = await SendRawAsync(ledger, "POST /a%2Fb?q=%20 HTTP/1.1\r\nHost: x\r\nX-Many: one\r\nX-Many: two\r\nContent-Length: 3\r\nConnection: close\r\n\r\n\0ab");
        var second = await SendRawAsync(ledger, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");

        var seen = ledger.Requests.First();
        Assert.Equal("/a%2Fb", seen.Path);
        Assert.Equal("q=%20", seen.Query);
        Assert.Equal(["one", "two"], seen.HeaderValues("x-many"));
        Assert.Equal([0, (byte)'a', (byte)'b'], seen.Body);
        Assert.StartsWith("HTTP/1.1 500", first, StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 200", second, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Comes_back_on_its_port()
    {
        await using var ledger = await HttpLedger.StartAsync();
        using var http = new HttpClient(new SocketsHttpHandler());
        await ledger.StopAsync();
        await Assert.ThrowsAsync<HttpRequestException>(() => http.GetAsync(ledger.Url));

        await ledger.StartAgainAsync();

        Assert.True((await http.GetAsync(ledger.Url)).IsSuccessStatusCode);
        await ledger.ReceivesAsync(1);
    }

    private static async Task<string> SendRawAsync(HttpLedger ledger, string request)
    {
        using var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", ledger.Port);
        await client.GetStream().WriteAsync(Encoding.Latin1.GetBytes(request));
        using var reader = new StreamReader(client.GetStream());
        return await reader.ReadToEndAsync();
    }
}
