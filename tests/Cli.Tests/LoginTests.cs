using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Connectors.Gateway.Tests;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;

namespace Connectors.Cli.Tests;

/// <summary>Which gateway is asked, with whose credentials, and what is told when it will not answer.</summary>
public sealed class LoginTests(Scene scene)
{
    [Fact]
    public async Task The_gateway_takes_a_password_from_a_file_standard_input_or_the_environment()
    {
        using var stranger = Stranger();
        var file = stranger.Write("password", TestGateway.Password + "\n");

        (await stranger.RunAsync("list")).Fails(1, "wants credentials", "faas-cli login");
        (await stranger.RunAsync("list", "--password-file", file)).Succeeds();
        (await stranger.RunAsync("--user", "admin", "list", "--password-file", file)).Succeeds();
        await using (var piped = stranger.Script($"connectors list --username admin --password-stdin < {file}"))
        {
            (await piped.EndAsync()).Succeeds();
        }

        stranger.Variables["OPENFAAS_PASSWORD"] = TestGateway.Password;
        (await stranger.RunAsync("list")).Succeeds();
        stranger.Variables["OPENFAAS_USER"] = "nobody";
        (await stranger.RunAsync("list")).Fails(1, "refuses these credentials", "user nobody, password from OPENFAAS_PASSWORD");
    }

    [Fact]
    public async Task The_trees_own_command_finds_the_gateway_that_up_started_on_any_port()
    {
        using var stranger = Stranger();
        stranger.Variables.Remove("OPENFAAS_URL");
        stranger.Write("tree/.run/gateway-url", scene.Gateway.Api.AbsoluteUri.TrimEnd('/') + "\n");
        stranger.Write("tree/.run/secrets/basic-auth-password", TestGateway.Password);
        var built = Path.GetDirectoryName(Operator.Assembly)!;
        await using var run = stranger.Script(
            $"cp {Tools.RepositoryRoot}/cli $HOME/tree/ && mkdir -p $HOME/tree/artifacts/bin/Cli && ln -s {built} $HOME/tree/artifacts/bin/Cli/release && $HOME/tree/cli list");

        (await run.EndAsync()).Succeeds();
    }

    [Fact]
    public async Task A_wrong_password_is_told_with_where_it_came_from()
    {
        using var stranger = Stranger();
        stranger.LogIn(scene.Gateway.Api, "admin", "wrong");

        (await stranger.RunAsync("list")).Fails(1, "refuses these credentials", "the login in", "/.openfaas/config.yml");
        (await stranger.RunAsync("list", "--password-file", stranger.Write("password", "wrong"))).Fails(1, "user admin, password from", "/password");
    }

    [Fact]
    public async Task The_login_is_the_one_of_this_gateway_wherever_faas_cli_keeps_it()
    {
        using var stranger = Stranger();
        stranger.LogIn(scene.Gateway.Api, "admin", TestGateway.Password);
        (await stranger.RunAsync("list", "--gateway", scene.Gateway.Api.AbsoluteUri.TrimEnd('/') + "/")).Succeeds();

        stranger.Variables["OPENFAAS_CONFIG"] = stranger.PathOf("elsewhere");
        (await stranger.RunAsync("list")).Fails(1, "wants credentials");
        File.Move(stranger.PathOf(".openfaas/config.yml"), stranger.Write("elsewhere/config.yml", ""), overwrite: true);
        (await stranger.RunAsync("list")).Succeeds();

        stranger.Write("elsewhere/config.yml", "auths: [");
        (await stranger.RunAsync("list")).Fails(2, "/elsewhere/config.yml cannot be read");
    }

    [Fact]
    public async Task A_token_that_faas_cli_got_goes_out_as_a_bearer()
    {
        await using var other = await HttpLedger.StartAsync((_, http) => http.Response.WriteAsync("[]"));
        using var stranger = new Operator();
        stranger.Write(".openfaas/config.yml", $"auths:\n- gateway: http://other\n  token: b\n- gateway: {other.Url}\n  auth: oauth2\n  token: t.o.k\n");

        (await stranger.RunAsync("list", "--gateway", other.Url.AbsoluteUri)).Succeeds();

        Assert.Equal("Bearer t.o.k", other.Requests.Single().Header("Authorization"));
    }

    [Fact]
    public async Task A_gateway_that_is_away_is_told_in_one_line()
    {
        var port = FreePort.Next();

        (await scene.RunAsync("list", "--gateway", $"http://127.0.0.1:{port}")).Fails(1, $"http://127.0.0.1:{port} does not answer", "Connection refused", "--gateway or OPENFAAS_URL");
        (await scene.RunAsync("result", "some-id", "--json", "-g", $"http://127.0.0.1:{port}")).Fails(1, "does not answer");
    }

    [Theory]
    [InlineData(200, "<html>", "is it a gateway of Connectors?")]
    [InlineData(200, "null", "is it a gateway of Connectors?")]
    [InlineData(302, "", "sends to https://elsewhere.example.com/")]
    [InlineData(503, "The queue does not answer.\u001b[2J", "refuses (503): The queue does not answer.?[2J")]
    [InlineData(500, "", "refuses (500): Internal Server Error")]
    public async Task An_answer_that_is_none_of_the_Queues_API_is_told(int status, string text, string expected)
    {
        await using var other = await HttpLedger.StartAsync((_, http) =>
        {
            http.Response.StatusCode = status;
            if (status == 302)
            {
                http.Response.Headers.Location = "https://elsewhere.example.com/";
            }

            return http.Response.WriteAsync(text);
        });

        (await scene.RunAsync("list", "--gateway", other.Url.AbsoluteUri)).Fails(1, expected);
    }

    [Fact]
    public async Task A_certificate_that_nobody_vouches_for_is_taken_only_when_asked_to()
    {
        using var key = RSA.Create(2048);
        var now = TimeProvider.System.GetUtcNow();
        var certificate = new CertificateRequest("CN=127.0.0.1", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1).CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        await using var gateway = await HttpsServer.StartAsync(certificate, http => http.Response.WriteAsync("[]"));

        (await scene.RunAsync("list", "--gateway", gateway.Url.AbsoluteUri)).Fails(1, "cannot be trusted", "--tls-no-verify");
        Assert.Empty((await scene.RunAsync("list", "--gateway", gateway.Url.AbsoluteUri, "--tls-no-verify", "--json")).Json.AsArray());
    }

    // Knows the gateway, is not logged in.
    private Operator Stranger()
    {
        var stranger = new Operator();
        stranger.Variables["OPENFAAS_URL"] = scene.Gateway.Api.AbsoluteUri;
        return stranger;
    }
}
