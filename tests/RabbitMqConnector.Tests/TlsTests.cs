using System.Net;
using Connectors.Sdk.Invocation;
using Connectors.Testing;

namespace Connectors.RabbitMq.Tests;

/// <summary>Who the broker is, and who we are to it. Its certificate was issued by an authority that another one made.</summary>
public class TlsTests(SharedBroker broker)
{
    [Theory]
    [InlineData("client", false)]
    [InlineData("chained", false)]
    [InlineData("client", true)]
    public async Task Tls_takes_the_authority_and_the_clients_certificate_from_files_with_those_that_lead_to_its_authority(string client, bool ofIssuer)
    {
        var queue = await broker.CreateAsync("tls");
        var certificates = broker.Certificates;
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        await using var connector = await Running.StartAsync(
            gateway,
            broker.TlsUrl,
            queue,
            ("ca_file", ofIssuer ? certificates.IssuingAuthority : certificates.Authority),
            ("cert_file", certificates.Certificate(client)),
            ("key_file", certificates.Key(client)));

        await broker.Client.SendAsync(queue, "hello");

        await gateway.ReceivesAsync(1);
    }

    // It is for 127.0.0.1 alone.
    [Fact]
    public async Task A_certificate_has_to_be_for_the_name_and_not_for_the_address_that_answered()
    {
        var (queue, certificates) = (await broker.CreateAsync("tls-name"), broker.Certificates);
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        var dialer = new Dialer(TimeProvider.System) { LookUpAsync = (_, _) => Task.FromResult<IPAddress[]>([IPAddress.Loopback]) };
        await using var connector = await Running.StartElsewhereAsync(
            gateway,
            broker.TlsUrl.Replace("127.0.0.1", "broker.test", StringComparison.Ordinal),
            queue,
            dialer,
            ("ca_file", certificates.Authority),
            ("cert_file", certificates.Certificate("client")),
            ("key_file", certificates.Key("client")));

        await connector.SaysAsync($"the server's certificate (CN=chained-server) is refused, checked against {certificates.Authority}: RemoteCertificateNameMismatch");
    }

    // It has the name of ours.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_certificate_of_an_authority_that_is_not_ours_is_not_taken_and_why_is_told(bool ofIssuer)
    {
        var queue = await broker.CreateAsync("tls-foreign");
        var folder = Directory.CreateTempSubdirectory("rabbitmq-foreign-").FullName;
        var (others, certificates) = (new TestCertificates(folder), broker.Certificates);
        var foreign = ofIssuer ? others.IssuingAuthority : others.Authority;
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        await using (var connector = await Running.StartAsync(
            gateway, broker.TlsUrl, queue, ("ca_file", foreign), ("cert_file", certificates.Certificate("client")), ("key_file", certificates.Key("client"))))
        {
            using var http = new HttpClient(new SocketsHttpHandler());
            await Eventually.HoldsAsync(
                async () => (await (await http.GetAsync(new Uri(connector.Metrics, "/readyz"))).Content.ReadAsStringAsync())
                    .Contains($"no TLS with {broker.TlsUrl}: the server's certificate (CN=chained-server) is refused, checked against {foreign}", StringComparison.Ordinal),
                "it says why it is not ready");
        }

        Directory.Delete(folder, recursive: true);
    }
}
