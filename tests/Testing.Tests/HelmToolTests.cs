namespace Connectors.Testing.Tests;

public class HelmToolTests
{
    [Theory]
    [InlineData("helm-3", "v3.")]
    [InlineData("helm-4", "v4.")]
    public async Task Tells_its_version_and_its_failures(string tool, string expected)
    {
        var (ok, version) = await HelmTool.RunAsync(tool, "version", "--short");
        var (failed, message) = await HelmTool.RunAsync(tool, "lint", "/no/such/chart");

        Assert.Equal(0, ok);
        Assert.StartsWith(expected, version, StringComparison.Ordinal);
        Assert.NotEqual(0, failed);
        Assert.Contains("/no/such/chart", message, StringComparison.Ordinal);
    }
}
