using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Connectors.Sdk.Invocation;
using Connectors.Testing;

namespace Connectors.Sdk.Tests.Invocation;

/// <summary>Servers that answer a large call at its head and hang up: what they answered counts, and nothing is sent a second time.</summary>
public sealed class EarlyAnswerTests
{
    private const string TooLarge = "HTTP/1.1 413 Payload Too Large\r\nContent-Length: 7\r\nConnection: close\r\n\r\ntoo big";

    // More than the kernel takes of it while nobody reads.
    private static readonly FunctionCall Large = new()
    {
        Function = new FunctionName("figlet", "openfaas-fn"),
        Timeout = TimeSpan.FromMinutes(2),
        KeepBytes = 100,
        Body = new byte[8_000_000],
    };

    [Theory]
    [InlineData("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", OutcomeKind.Succeeded, 202, "")]
    [InlineData(TooLarge, OutcomeKind.Failed, 413, "too big")]
    [InlineData("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", OutcomeKind.Failed, 401, "")]
    [InlineData("HTTP/1.1 410 Gone\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ngone\r\n0\r\n\r\n", OutcomeKind.Failed, 410, "gone")]
    public async Task Who_answers_at_the_head_and_closes_is_heard(string answer, OutcomeKind kind, int status, string body)
    {
        await using var server = Answering(answer, request => request.Close());
        using var invoker = new Invoker(server.Url, "test", TimeProvider.System);

        // The second goes out on a connection of its own, whether or not the first answer said that its own ends.
        for (var sent = 1; sent <= 2; sent++)
        {
            var outcome = await invoker.InvokeAsync(Large, CancellationToken.None);

            Assert.Equal((kind, status, body), (outcome.Kind, outcome.Status, Encoding.Latin1.GetString(outcome.Body.Span)));
            Assert.Equal(sent, server.Requests.Count);
        }
    }

    [Theory]
    [InlineData("", false)]
    [InlineData("HTTP/1.1 100 Continue\r\n\r\n", false)]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", true)]
    public async Task Who_hangs_up_without_a_whole_answer_has_given_none(string answer, bool hasBegun)
    {
        foreach (var hangUp in new Action<RawRequest>[] { request => request.Close(), ResetAtOnce })
        {
            await using var server = Answering(answer, hangUp);
            using var invoker = new Invoker(server.Url, "test", TimeProvider.System);

            var outcome = await invoker.InvokeAsync(Large, CancellationToken.None);

            Assert.Equal((OutcomeKind.Unreachable, hasBegun), (outcome.Kind, outcome.HasAnswerBegun));
            Assert.Single(server.Requests);
        }
    }

    // Nothing tells half of such an answer from all of it but how the connection ended.
    [Fact]
    public async Task An_answer_of_no_length_is_not_whole()
    {
        foreach (var hangUp in new Action<RawRequest>[] { request => request.Close(), ResetAtOnce })
        {
            await using var server = Answering("HTTP/1.0 200 OK\r\n\r\nhalf", hangUp);
            using var invoker = new Invoker(server.Url, "test", TimeProvider.System);

            var outcome = await invoker.InvokeAsync(Large, CancellationToken.None);

            Assert.Equal((OutcomeKind.Unreachable, true), (outcome.Kind, outcome.HasAnswerBegun));
        }
    }

    [Fact]
    public async Task A_call_over_a_kept_connection_that_is_closed_at_its_head_is_not_sent_again()
    {
        await using var server = RawServer.Start(async request =>
        {
            if (request.Number == 2)
            {
                request.Close();
                return;
            }

            await request.ReadBodyAsync();
            await request.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        });
        using var invoker = new Invoker(server.Url, "test", TimeProvider.System);

        Assert.Equal(OutcomeKind.Succeeded, (await invoker.InvokeAsync(Large with { Body = default }, CancellationToken.None)).Kind);
        Assert.Equal(OutcomeKind.Unreachable, (await invoker.InvokeAsync(Large, CancellationToken.None)).Kind);
        Assert.Equal(2, server.Requests.Count);
    }

    [Fact]
    public async Task Who_answers_over_TLS_at_the_head_and_closes_is_heard()
    {
        var folder = Directory.CreateTempSubdirectory("early-");
        try
        {
            var certificates = new TestCertificates(folder.FullName);
            using var certificate = X509Certificate2.CreateFromPemFile(certificates.Certificate("server"), certificates.Key("server"));
            using var listener = new TcpListener(IPAddress.Loopback, 0);
            listener.Start();
            var serving = AnswerAsync(listener, certificate);
            var pool = HttpConnections.Pool();
            pool.SslOptions.RemoteCertificateValidationCallback = (_, shown, _, _) => shown?.Subject == "CN=server";
            using var invoker = new Invoker(new Uri($"https://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}/"), "test", TimeProvider.System, pool);

            var outcome = await invoker.InvokeAsync(Large, CancellationToken.None);

            Assert.Equal((OutcomeKind.Failed, 413), (outcome.Kind, outcome.Status));
            await serving;
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    // Some of the body is there by then, so that closing resets the connection.
    private static RawServer Answering(string answer, Action<RawRequest> hangUp) => RawServer.Start(async request =>
    {
        await request.Client.GetStream().ReadExactlyAsync(new byte[1], request.Stopping);
        await request.SendAsync(answer);
        hangUp(request);
    });

    // Without the end in good order that closing a client sends before.
    private static void ResetAtOnce(RawRequest request)
    {
        request.Client.Client.LingerState = new LingerOption(true, 0);
        request.Client.Client.Close();
    }

    private static async Task AnswerAsync(TcpListener listener, X509Certificate2 certificate)
    {
        using var client = await listener.AcceptTcpClientAsync();
        await using var secure = new SslStream(client.GetStream());
        await secure.AuthenticateAsServerAsync(certificate);
        await secure.ReadExactlyAsync(new byte[16]);
        await secure.WriteAsync(Encoding.Latin1.GetBytes(TooLarge));
        await secure.ShutdownAsync();
    }
}
