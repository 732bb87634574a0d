using System.Net.Http.Headers;
using System.Text;
using Connectors.Cli.Json;

namespace Connectors.Cli.Api;

/// <summary>What the gateway is shown, and where it came from.</summary>
internal sealed record Credentials(AuthenticationHeaderValue Header, string Origin)
{
    private const string DefaultUser = "admin";

    /// <summary>Options win over the environment, and that over faas-cli's login; null if there are none.</summary>
    public static Credentials? Find(Uri gateway, string? user, string? passwordFile, bool fromInput)
    {
        if (passwordFile is not null && fromInput)
        {
            throw CommandFailure.Usage("Either --password-file or --password-stdin, not both.");
        }

        var name = user ?? Variable("OPENFAAS_USER") ?? DefaultUser;
        if (passwordFile is not null)
        {
            return Basic(name, ReadFile(passwordFile), passwordFile);
        }

        if (fromInput)
        {
            return Basic(name, Console.In.ReadToEnd(), "--password-stdin");
        }

        if (Variable("OPENFAAS_PASSWORD") is { } password)
        {
            return Basic(name, password, "OPENFAAS_PASSWORD");
        }

        return user is null ? FaasCliLogin.Find(gateway) : throw CommandFailure.Usage("--user needs --password-file, --password-stdin or OPENFAAS_PASSWORD.");
    }

    private static Credentials Basic(string user, string password, string origin) => new(
        new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{password.Trim()}"))), $"user {user}, password from {origin}");

    private static string ReadFile(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw CommandFailure.Usage($"--password-file: {fault.Message}");
        }
    }

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
