namespace Connectors.Gateway.Tests;

/// <summary>What load balancers see that were told nothing of the gateway: they ask for its root, want 200 and take it out of the way otherwise.</summary>
public sealed class RootTests(ProviderFixture fixture) : IClassFixture<ProviderFixture>
{
    // As Google's, AWS's and Azure's ask, and any other.
    private static readonly string[] Askers =
    [
        "GET / HTTP/1.1\nHost: 10.0.0.7\nUser-Agent: GoogleHC/1.0\n",
        "GET / HTTP/1.1\nHost: 10.0.0.7:8080\nUser-Agent: ELB-HealthChecker/2.0\nAccept-Encoding: gzip, compressed\n",
        "GET / HTTP/1.1\nHost: 127.0.0.1\nAccept: */*\n",
        "HEAD / HTTP/1.1\nHost: x\n",
        "GET / HTTP/1.0\n",
    ];

    [Fact]
    public async Task A_balancer_finds_every_gateway_well_and_learns_nothing_of_it()
    {
        await using var withoutPage = await TestGateway.StartAsync(null, ("ui", "false"));
        foreach (var gateway in new[] { fixture.Embedded, fixture.Remote, withoutPage })
        {
            foreach (var asked in Askers)
            {
                var answer = await RawHttp.AskAsync(gateway.Api, asked);

                Assert.Matches(@"^HTTP/1\.[01] 200 ", answer);
                Assert.EndsWith(asked.StartsWith("HEAD", StringComparison.Ordinal) ? "\r\n\r\n" : "\r\n\r\nOK", answer, StringComparison.Ordinal);
                Assert.DoesNotContain("connectors", answer, StringComparison.OrdinalIgnoreCase);
                Assert.DoesNotContain("Kestrel", answer, StringComparison.OrdinalIgnoreCase);
            }
        }
    }

    [Fact]
    public async Task A_browser_is_led_to_the_page_where_there_is_one()
    {
        const string Browser = "GET / HTTP/1.1\nHost: x\nAccept: text/html,application/xhtml+xml,*/*;q=0.8\n";
        await using var withoutPage = await TestGateway.StartAsync(null, ("ui", "false"));

        var led = await RawHttp.AskAsync(fixture.Remote.Api, Browser);

        Assert.StartsWith("HTTP/1.1 302", led, StringComparison.Ordinal);
        Assert.Contains("Location: /ui/\r\n", led, StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 200", await RawHttp.AskAsync(withoutPage.Api, Browser), StringComparison.Ordinal);
    }
}
