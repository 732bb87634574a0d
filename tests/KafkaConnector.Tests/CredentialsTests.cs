using Connectors.Kafka.Client;

namespace Connectors.Kafka.Tests;

/// <summary>What a client is made anew for, and what none is made of.</summary>
public class CredentialsTests
{
    [Theory]
    [InlineData("ca_file", "ca")]
    [InlineData("cert_file", "cert")]
    [InlineData("key_file", "key")]
    [InlineData("kafka_ssl_ca_location", "ca")]
    [InlineData("kafka_ssl_certificate_location", "cert")]
    [InlineData("kafka_ssl_key_location", "key")]
    [InlineData("username_file", "user")]
    [InlineData("password_file", "password")]
    public void Another_content_of_a_file_makes_other_credentials_and_the_same_does_not(string option, string name)
    {
        using var files = new SecretFiles([("user", "alice"), ("password", "hush"), .. Certificates.Files("first")]);
        var broker = Scene.Read(new() { ["username_file"] = files.Path("user"), ["password_file"] = files.Path("password"), [option] = files.Path(name) }).Broker;
        var before = Credentials.Of(broker);

        files.Replace(name, File.ReadAllText(files.Path(name)));
        Assert.Equal(before, Credentials.Of(broker));
        files.Replace(name, "another, and longer");

        Assert.NotEqual(before, Credentials.Of(broker));
        File.Delete(files.Path(name));
        Assert.NotEqual(before, Credentials.Of(broker));
    }

    [Fact]
    public void No_client_is_made_of_a_certificate_whose_key_has_not_come_yet()
    {
        using var files = new SecretFiles(Certificates.Files("first"));
        var next = Certificates.Files("second").ToDictionary(file => file.Name, file => file.Content);
        var options = Scene.Read(new() { ["tls"] = "true", ["ca_file"] = files.Path("ca"), ["cert_file"] = files.Path("cert"), ["key_file"] = files.Path("key") });
        Assert.Null(ClientCheck.Refusal(options));

        files.Replace("cert", next["cert"]);
        Assert.NotNull(ClientCheck.Refusal(options));
        files.Replace("key", next["key"]);

        Assert.Null(ClientCheck.Refusal(options));
    }
}
