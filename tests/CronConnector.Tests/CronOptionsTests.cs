using Connectors.Sdk.Hosting;

namespace Connectors.Cron.Tests;

public sealed class CronOptionsTests
{
    [Fact]
    public void An_address_with_a_query_is_refused()
    {
        var settings = new Settings(new Dictionary<string, string> { ["gateway_url"] = "http://gateway:8080?x=1" });

        _ = CronOptions.Read(settings);

        Assert.StartsWith("gateway_url: ", Assert.Single(settings.Errors), StringComparison.Ordinal);
    }
}
