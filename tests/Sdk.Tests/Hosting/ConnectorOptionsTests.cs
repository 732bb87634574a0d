using Connectors.Sdk.Hosting;

namespace Connectors.Sdk.Tests.Hosting;

public sealed class ConnectorOptionsTests
{
    [Theory]
    [InlineData("basic-auth-user", "true", true)]
    [InlineData("basic-auth-password", "true", true)]
    [InlineData("basic-auth-password", "false", false)]
    public void Credentials_that_cannot_be_read_are_refused_if_they_are_to_be_sent(string file, string basicAuth, bool isRefused)
    {
        var secrets = Directory.CreateTempSubdirectory("secrets-");
        secrets.CreateSubdirectory(file);
        var settings = new Settings(new Dictionary<string, string> { ["secret_mount_path"] = secrets.FullName, ["basic_auth"] = basicAuth });

        _ = ConnectorOptions.Read(settings, new ConnectorOptions());
        secrets.Delete(recursive: true);

        Assert.Equal(isRefused, settings.Errors.Any(error => error.StartsWith($"secret_mount_path: \"{secrets.FullName}/{file}\" is not valid", StringComparison.Ordinal)));
    }
}
