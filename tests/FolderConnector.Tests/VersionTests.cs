using Connectors.Testing;

namespace Connectors.Folder.Tests;

public class VersionTests
{
    [Fact]
    public async Task Its_version_is_its_own_and_not_the_sdks()
    {
        var (exitCode, output) = await ServiceProcess.RunAsync("FolderConnector", new Dictionary<string, string>(), "--version");

        Assert.Equal((0, "0.1.0"), (exitCode, output.Trim()));
    }
}
