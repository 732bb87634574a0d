using System.Globalization;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;

namespace Connectors.Sqs.Tests;

/// <summary>Credentials that are not written down but asked of AWS's token service, by the process: as machine code it has no code that is only looked for by name.</summary>
public sealed class RoleTests(QueueServer server) : IDisposable
{
    private const string Role = "arn:aws:iam::000000000000:role/reader";
    private const string Temporary = "ASIATEMPORARY";

    private readonly DirectoryInfo _files = Directory.CreateTempSubdirectory("sqs-role-");

    [Fact]
    public async Task A_pods_own_identity_is_exchanged_for_its_roles_credentials()
    {
        var request = await AssumesAsync(new()
        {
            ["AWS_ROLE_ARN"] = Role,
            ["AWS_WEB_IDENTITY_TOKEN_FILE"] = Write("token", "who-the-pod-is"),
        });

        Assert.Contains("Action=AssumeRoleWithWebIdentity", request.Text, StringComparison.Ordinal);
        Assert.Contains("WebIdentityToken=who-the-pod-is", request.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_role_in_the_file_is_assumed_with_the_keys_that_it_names()
    {
        var request = await AssumesAsync(new()
        {
            ["AWS_SHARED_CREDENTIALS_FILE"] = Write(
                "credentials",
                $"[default]\nrole_arn = {Role}\nsource_profile = base\n[base]\naws_access_key_id = {Credentials.Key}\naws_secret_access_key = {Credentials.Secret}\n"),
        });

        Assert.Contains("Action=AssumeRole&", request.Text, StringComparison.Ordinal);
        Assert.Contains($"Credential={Credentials.Key}/", request.Header("Authorization"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_role_that_may_not_be_assumed_is_told_in_the_token_services_words()
    {
        const string refusal = "Not authorized to perform sts:AssumeRoleWithWebIdentity";
        await using var tokens = await HttpLedger.StartAsync((_, http) =>
        {
            http.Response.StatusCode = StatusCodes.Status403Forbidden;
            http.Response.ContentType = "text/xml";
            return http.Response.WriteAsync($"""
                <ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>{refusal}</Message></Error><RequestId>id</RequestId></ErrorResponse>
                """);
        });

        await IsToldAsync(PodsIdentity(tokens.Url), "credentials", refusal, Role);
    }

    [Fact]
    public async Task A_token_service_that_is_away_does_not_pass_for_a_queue_that_is() =>
        await IsToldAsync(PodsIdentity(new Uri($"http://127.0.0.1:{FreePort.Next()}/")), "unreachable", "cannot reach AWS's token service (STS)", Role);

    [Fact]
    public async Task A_token_that_is_missing_is_told_by_its_file()
    {
        var missing = Path.Combine(_files.FullName, "missing");

        await IsToldAsync(new() { ["AWS_ROLE_ARN"] = Role, ["AWS_WEB_IDENTITY_TOKEN_FILE"] = missing }, "credentials", "no credentials: ", missing);
    }

    [Theory]
    [InlineData(StatusCodes.Status403Forbidden, "403")]
    [InlineData(StatusCodes.Status200OK, "The retrieved credentials have already expired")]
    public async Task What_a_container_does_not_give_is_told_in_the_sdks_words(int status, string words)
    {
        await using var container = await HttpLedger.StartAsync((_, http) =>
        {
            http.Response.StatusCode = status;
            return http.Response.WriteAsync("""{"Code":"Success","AccessKeyId":"old","SecretAccessKey":"old","Token":"old","Expiration":"2020-01-01T00:00:00Z"}""");
        });

        await IsToldAsync(new() { ["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = container.Url.AbsoluteUri }, "credentials", "no credentials: ", words);
    }

    [Fact]
    public async Task A_program_that_gives_no_credentials_is_told_in_its_own_words()
    {
        var program = Write("program", "echo out of keys >&2\nexit 3\n");

        await IsToldAsync(
            new() { ["AWS_SHARED_CREDENTIALS_FILE"] = Write("credentials", $"[default]\ncredential_process = sh {program}\n") }, "credentials", "no credentials: ", "out of keys");
    }

    [Fact]
    public async Task A_profile_that_is_unknown_is_told_by_its_name() =>
        await IsToldAsync(new() { ["AWS_PROFILE"] = "nobodys" }, "credentials", "no credentials: ", "nobodys");

    public void Dispose() => _files.Delete(recursive: true);

    private Dictionary<string, string> PodsIdentity(Uri tokens) => new()
    {
        ["AWS_ROLE_ARN"] = Role,
        ["AWS_WEB_IDENTITY_TOKEN_FILE"] = Write("token", "who-the-pod-is"),
        ["AWS_ENDPOINT_URL_STS"] = tokens.AbsoluteUri,
    };

    private async Task IsToldAsync(Dictionary<string, string> identity, string kind, params string[] words)
    {
        var queue = await server.CreateAsync("no-role");
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        await using var connector = await ServiceProcess.StartAsync(
            "SqsConnector",
            ConnectorProcess.Environment(gateway, server.Url(queue), new(identity)
            {
                ["AWS_ACCESS_KEY_ID"] = "",
                ["AWS_SECRET_ACCESS_KEY"] = "",
            }),
            ready: false);

        await connector.Process.LineAsync(
            line => line.Contains("Receive failed", StringComparison.Ordinal) && line.Contains($"\"kind\":\"{kind}\"", StringComparison.Ordinal)
                && words.All(word => line.Contains(word, StringComparison.Ordinal)),
            $"{kind} is told");
    }

    // The one request that the token service got before a message was received with what it answered.
    private async Task<RecordedRequest> AssumesAsync(Dictionary<string, string> identity)
    {
        var queue = await server.CreateAsync("role");
        await server.SendAsync(queue, "x");
        await using var tokens = await HttpLedger.StartAsync(AnswerAsync);
        await using var proxy = await QueueProxy.StartAsync(server.Server.Url);
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        await using var connector = await ServiceProcess.StartAsync("SqsConnector", ConnectorProcess.Environment(gateway, server.Url(queue), new(identity)
        {
            ["AWS_ACCESS_KEY_ID"] = "",
            ["AWS_SECRET_ACCESS_KEY"] = "",
            ["AWS_ENDPOINT_URL_SQS"] = proxy.Url.AbsoluteUri,
            ["AWS_ENDPOINT_URL_STS"] = tokens.Url.AbsoluteUri,
        }));

        await gateway.ReceivesAsync(1);
        Assert.All(proxy.Requests("ReceiveMessage"), request => Assert.Contains($"Credential={Temporary}/", request.Header("Authorization"), StringComparison.Ordinal));
        return tokens.Requests.First();
    }

    private static async Task AnswerAsync(RecordedRequest request, HttpContext http)
    {
        var action = request.Text.Contains("WebIdentityToken", StringComparison.Ordinal) ? "AssumeRoleWithWebIdentity" : "AssumeRole";
        var expiration = TimeProvider.System.GetUtcNow().AddHours(1).ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);
        http.Response.ContentType = "text/xml";
        await http.Response.WriteAsync($"""
            <{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{action}Result>
              <AssumedRoleUser><Arn>{Role}</Arn><AssumedRoleId>ID:session</AssumedRoleId></AssumedRoleUser>
              <Credentials><AccessKeyId>{Temporary}</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>session</SessionToken><Expiration>{expiration}</Expiration></Credentials>
            </{action}Result><ResponseMetadata><RequestId>id</RequestId></ResponseMetadata></{action}Response>
            """);
    }

    private string Write(string name, string content)
    {
        var file = Path.Combine(_files.FullName, name);
        File.WriteAllText(file, content);
        return file;
    }
}
