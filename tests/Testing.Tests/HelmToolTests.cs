namespace Connectors.Testing.Tests;

public class HelmToolTests
{
    [Fact]
    public async Task Tells_its_version_and_its_failures()
    {
        var (ok, version) = await HelmTool.RunAsync("version", "--short");
        var (failed, message) = await HelmTool.RunAsync("lint", "/no/such/chart");

        Assert.Equal(0, ok);
        Assert.StartsWith("v3.", version, StringComparison.Ordinal);
        Assert.NotEqual(0, failed);
        Assert.Contains("/no/such/chart", message, StringComparison.Ordinal);
    }
}
