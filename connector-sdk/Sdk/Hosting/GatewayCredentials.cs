using System.Net.Http.Headers;
using System.Text;

namespace Connectors.Sdk.Hosting;

/// <summary>The gateway's basic-auth credentials from the files <c>basic-auth-user</c> and <c>basic-auth-password</c>.</summary>
public sealed class GatewayCredentials(string secretMountPath)
{
    private const string UserFile = "basic-auth-user";
    private const string PasswordFile = "basic-auth-password";

    private readonly SecretFile _user = new(System.IO.Path.Combine(secretMountPath, UserFile));
    private readonly SecretFile _password = new(System.IO.Path.Combine(secretMountPath, PasswordFile));

    /// <summary>Refuses a folder in which one of the files is there and cannot be read.</summary>
    public static void Check(Settings settings, string secretMountPath) => settings.CheckSecrets(secretMountPath, UserFile, PasswordFile);

    /// <summary>The user name; null while the file is missing.</summary>
    public string? User => _user.Value;

    /// <summary>The password; null while the file is missing.</summary>
    public string? Password => _password.Value;

    /// <summary>The <c>Authorization</c> header to send; null while either file is missing.</summary>
    public AuthenticationHeaderValue? Header =>
        User is { } user && Password is { } password
            ? new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{password}")))
            : null;
}
