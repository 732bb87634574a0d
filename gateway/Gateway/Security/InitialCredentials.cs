using System.Security.Cryptography;
using Connectors.Sdk.Hosting;

namespace Connectors.Gateway.Security;

/// <summary>The credentials that <c>/system/</c> asks for: given as files, or made at the first start of a gateway with the embedded provider.</summary>
internal sealed class InitialCredentials(GatewayOptions options, GatewayCredentials credentials, ILogger<InitialCredentials> log) : IHostedService
{
    private const int PasswordLength = 32;
    private const string Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (!options.BasicAuth || credentials.Header is not null)
        {
            return Task.CompletedTask;
        }

        if (options.ProviderUrl is not null)
        {
            throw new ConfigurationException($"secret_mount_path: {Folder} holds no basic-auth-user and basic-auth-password; put them there, or set basic_auth=false");
        }

        try
        {
            Directory.CreateDirectory(Folder);
            WriteIfMissing("basic-auth-user", "admin");
            WriteIfMissing("basic-auth-password", RandomNumberGenerator.GetString(Alphabet, PasswordLength));
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new ConfigurationException($"secret_mount_path: no password is given, and none can be written to {Folder} ({fault.Message}); put basic-auth-user and basic-auth-password there", fault);
        }

        Log.PasswordMade(log, Folder);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private string Folder => options.Service.SecretMountPath;

    private void WriteIfMissing(string name, string text)
    {
        var path = Path.Combine(Folder, name);
        if (!File.Exists(path))
        {
            using var file = new StreamWriter(path, new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            });
            file.Write(text);
        }
    }
}
