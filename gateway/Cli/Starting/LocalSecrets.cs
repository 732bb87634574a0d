using System.Runtime.Versioning;
using System.Security.Cryptography;
using System.Text;

namespace Connectors.Cli.Starting;

/// <summary>The credentials of the system on this machine: made once, kept from run to run, in files that only this user may read.</summary>
internal static class LocalSecrets
{
    public const string Password = "basic-auth-password";
    public const string NatsUser = "nats-user";
    public const string NatsPassword = "nats-password";

    private const string NatsConfig = "nats.conf";
    private const UnixFileMode OwnFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode OwnFolder = OwnFile | UnixFileMode.UserExecute;

    /// <summary>Makes those that are missing.</summary>
    [SupportedOSPlatform("linux")]
    public static void Make(string folder)
    {
        MakeFolder(folder);
        Keep(folder, "basic-auth-user", "admin");
        Keep(folder, Password, Generated());
        Keep(folder, NatsUser, "connectors");
        Keep(folder, NatsPassword, Generated());
    }

    /// <summary>Makes a directory that only this user may enter.</summary>
    [SupportedOSPlatform("linux")]
    public static void MakeFolder(string folder)
    {
        Directory.CreateDirectory(folder, OwnFolder);
        File.SetUnixFileMode(folder, OwnFolder);
    }

    /// <summary>Writes whom nats-server lets in; a file, for everybody may read its command line. Returns the path.</summary>
    [SupportedOSPlatform("linux")]
    public static string WriteNatsConfig(string folder)
    {
        var path = Path.Combine(folder, NatsConfig);
        File.Delete(path);

        // A busy client may take longer to log in than a server waits by itself.
        Write(path, $"authorization {{ user: {Quoted(NatsUser)}, password: {Quoted(NatsPassword)}, timeout: 30 }}\n");
        return path;

        string Quoted(string name)
        {
            var text = File.ReadAllText(Path.Combine(folder, name)).Trim();
            return $"\"{text.Replace("\\", @"\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"";
        }
    }

    [SupportedOSPlatform("linux")]
    private static void Keep(string folder, string name, string text)
    {
        // One that a kill or a full disk left empty is none.
        var path = Path.Combine(folder, name);
        if (new FileInfo(path) is not { Exists: true, Length: > 0 })
        {
            File.Delete(path);
            Write(path, text);
        }
    }

    [SupportedOSPlatform("linux")]
    private static void Write(string path, string text)
    {
        using var file = new FileStream(path, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = OwnFile });
        file.Write(Encoding.UTF8.GetBytes(text));
    }

    private static string Generated() => RandomNumberGenerator.GetHexString(32, lowercase: true);
}
