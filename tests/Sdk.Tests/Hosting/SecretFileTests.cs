using System.Text;
using Connectors.Sdk.Hosting;

namespace Connectors.Sdk.Tests.Hosting;

public sealed class SecretFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("secrets-").FullName;

    [Fact]
    public void A_missing_or_empty_file_has_no_value()
    {
        File.WriteAllText(At("empty"), " \n");

        Assert.Null(new SecretFile(At("none")).Value);
        Assert.Null(new SecretFile(At("empty")).Value);
    }

    [Fact]
    public void A_folder_in_its_place_cannot_be_read()
    {
        Directory.CreateDirectory(At("folder"));
        var secret = new SecretFile(At("folder"));

        Assert.Throws<IOException>(() => secret.Value);
        Assert.False(secret.CanBeRead());
        Assert.Contains(At("folder"), secret.Fault(), StringComparison.Ordinal);
        Assert.Null(new SecretFile(At("none")).Fault());
        Assert.Null(new SecretFile(At("none/none")).Fault());
    }

    [Fact]
    public void A_changed_file_is_read_again()
    {
        var secret = new SecretFile(At("password"));
        Write("password", "first\n", minute: 1);
        Assert.Equal("first", secret.Value);

        Write("password", " second ", minute: 2);

        Assert.Equal("second", secret.Value);
    }

    [Fact]
    public void A_secret_mounted_by_kubernetes_is_read_again_after_its_rotation()
    {
        Directory.CreateDirectory(At("..v1"));
        Directory.CreateDirectory(At("..v2"));
        Write("..v1/password", "first", minute: 1);
        Write("..v2/password", "second", minute: 2);
        Directory.CreateSymbolicLink(At("..data"), "..v1");
        File.CreateSymbolicLink(At("password"), "..data/password");
        var secret = new SecretFile(At("password"));
        Assert.Equal("first", secret.Value);

        Directory.CreateSymbolicLink(At("..data_tmp"), "..v2");
        Rename(At("..data_tmp"), At("..data"));

        Assert.Equal("second", secret.Value);
    }

    [Fact]
    public void Credentials_are_basic_auth_of_both_files_in_utf8()
    {
        var credentials = new GatewayCredentials(_folder);
        Assert.Null(credentials.Header);

        File.WriteAllText(At("basic-auth-user"), "admin\n");
        Assert.Null(credentials.Header);
        File.WriteAllText(At("basic-auth-password"), "pä:ss\n");

        Assert.Equal("Basic", credentials.Header?.Scheme);
        Assert.Equal("admin:pä:ss", Encoding.UTF8.GetString(Convert.FromBase64String(credentials.Header?.Parameter ?? "")));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string At(string name) => Path.Combine(_folder, name);

    private void Write(string name, string text, int minute)
    {
        File.WriteAllText(At(name), text);
        File.SetLastWriteTimeUtc(At(name), new DateTime(2026, 1, 1, 0, minute, 0, DateTimeKind.Utc));
    }

    // As the kubelet does it: the new link takes the place of the old one in one step.
    private static void Rename(string from, string to)
    {
        using var mv = System.Diagnostics.Process.Start("mv", ["-T", from, to]);
        mv.WaitForExit();
        Assert.Equal(0, mv.ExitCode);
    }
}
