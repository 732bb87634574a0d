using System.Globalization;
using System.Net;
using Connectors.Testing;

namespace Connectors.Gateway.Tests;

public sealed class NatsAccessTests : IDisposable
{
    private readonly DirectoryInfo _secrets = Directory.CreateTempSubdirectory("secrets-");

    [Theory]
    [InlineData("authorization { user: front, password: s3cret }", "nats_user_file=user,nats_password_file=password")]
    [InlineData("authorization { token: t0ken }", "nats_token_file=token")]
    public async Task A_call_is_stored_by_a_server_that_asks_who_we_are(string server, string options)
    {
        await using var nats = await NatsServer.StartAsync(server);
        await using var function = await HttpLedger.StartAsync();
        await using var gateway = await ServiceProcess.StartAsync("Gateway", Options(nats, function, options));
        using var http = new HttpClient(new SocketsHttpHandler());

        using var accepted = await http.PostAsync(new Uri(gateway.Api, "/async-function/work"), new StringContent("x"));

        Assert.Equal(HttpStatusCode.Accepted, accepted.StatusCode);
    }

    [Fact]
    public async Task Without_credentials_such_a_server_stores_nothing()
    {
        await using var nats = await NatsServer.StartAsync("authorization { token: t0ken }");
        await using var function = await HttpLedger.StartAsync();
        await using var gateway = await ServiceProcess.StartAsync("Gateway", Options(nats, function, ""), ready: false);
        using var http = new HttpClient(new SocketsHttpHandler());

        using var refused = await http.PostAsync(new Uri(gateway.Api, "/async-function/work"), new StringContent("x"));

        Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
    }

    public void Dispose() => _secrets.Delete(recursive: true);

    private Dictionary<string, string> Options(NatsServer nats, HttpLedger function, string more)
    {
        Write("user", "front");
        Write("password", "s3cret");
        Write("token", "t0ken");
        Write("basic-auth-user", "admin");
        Write("basic-auth-password", "p");
        Write("functions.yaml", $"""
            functions:
              work:
                image: x
                environment:
                  upstream_url: {function.Url}
            """);
        var options = new Dictionary<string, string>
        {
            ["faas_nats_address"] = "127.0.0.1",
            ["faas_nats_port"] = nats.Port.ToString(CultureInfo.InvariantCulture),
            ["secret_mount_path"] = _secrets.FullName,
            ["functions_path"] = Path.Combine(_secrets.FullName, "functions.yaml"),
            ["data_path"] = Path.Combine(_secrets.FullName, "data"),
            ["nats_publish_timeout"] = "20s",
        };
        foreach (var option in more.Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            options[option.Split('=')[0]] = option.Split('=')[1];
        }

        return options;
    }

    private void Write(string name, string content) => File.WriteAllText(Path.Combine(_secrets.FullName, name), content);
}
