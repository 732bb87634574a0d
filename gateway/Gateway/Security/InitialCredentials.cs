using System.Security.Cryptography;
using System.Text;
using Connectors.Sdk.Hosting;

namespace Connectors.Gateway.Security;

/// <summary>The credentials that <c>/system/</c> asks for: given as files, or made at the first start of a gateway with the embedded provider.</summary>
internal sealed class InitialCredentials(GatewayOptions options, GatewayCredentials credentials, ILogger<InitialCredentials> log) : IHostedService
{
    private const int PasswordLength = 32;
    private const string Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (!options.BasicAuth)
        {
            Log.SystemOpen(log);
            return Task.CompletedTask;
        }

        if (credentials.Header is not null)
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
            if (credentials.User is null)
            {
                Write("basic-auth-user", "admin");
            }

            if (credentials.Password is null)
            {
                Write("basic-auth-password", RandomNumberGenerator.GetString(Alphabet, PasswordLength));
            }
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new ConfigurationException($"secret_mount_path: no password is given, and none can be written to {Folder} ({fault.Message}); put basic-auth-user and basic-auth-password there", fault);
        }

        if (credentials.Header is null)
        {
            throw new ConfigurationException($"secret_mount_path: no password is given, and what was written to {Folder} is not there; put basic-auth-user and basic-auth-password there");
        }

        Log.PasswordMade(log, Folder);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private string Folder => options.Service.SecretMountPath;

    // Written beside its place and moved into it: an empty file, as a full disk or a kill in between would leave, locks everybody out.
    private void Write(string name, string text)
    {
        var unfinished = Path.Combine(Folder, $".unfinished-{Guid.NewGuid():N}");
        try
        {
            using (var file = new FileStream(unfinished, new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            }))
            {
                file.Write(Encoding.UTF8.GetBytes(text));
                file.Flush(flushToDisk: true);
            }

            File.Move(unfinished, Path.Combine(Folder, name), overwrite: true);
        }
        catch
        {
            File.Delete(unfinished);
            throw;
        }
    }
}
