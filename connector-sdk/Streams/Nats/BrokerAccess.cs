using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Connectors.Sdk.Hosting;
using NATS.Client.Core;

namespace Connectors.Streams.Nats;

/// <summary>How a service proves to the NATS server who it is, and the server to it. Secrets stand in files only; the values here are their paths.</summary>
public sealed record BrokerAccess
{
    /// <summary>File with the user's name; goes with <see cref="PasswordFile"/>.</summary>
    public string? UserFile { get; init; }

    /// <summary>File with the user's password.</summary>
    public string? PasswordFile { get; init; }

    /// <summary>File with a token.</summary>
    public string? TokenFile { get; init; }

    /// <summary>File with an nkey's seed, <c>SU…</c>, on a line of its own; other lines do not count.</summary>
    public string? NkeyFile { get; init; }

    /// <summary>File with a user's JWT and seed, as <c>nsc</c> writes it.</summary>
    public string? CredsFile { get; init; }

    /// <summary>When the connection is encrypted.</summary>
    public BrokerTls Tls { get; init; }

    /// <summary>PEM file with the authorities that the server's certificate must come from; null for the system's.</summary>
    public string? CaFile { get; init; }

    /// <summary>PEM file with our own certificate.</summary>
    public string? CertFile { get; init; }

    /// <summary>PEM file with its key.</summary>
    public string? KeyFile { get; init; }

    /// <summary>Who we are, as the client wants it: asked for at each connect, so that a file that was rotated counts from the next one on.</summary>
    internal NatsAuthOpts Auth => (UserFile ?? TokenFile ?? NkeyFile ?? CredsFile) is null
        ? NatsAuthOpts.Default
        : new() { AuthCredCallback = (_, _) => ValueTask.FromResult(Credentials()) };

    /// <summary>Certificates are read at each connect, too; the client by itself reads them once.</summary>
    internal NatsTlsOpts TlsOpts => new()
    {
        ConfigureClientAuthentication = HasCertificates ? ConfigureAsync : null,
        Mode = Tls switch
        {
            BrokerTls.Require => TlsMode.Require,
            BrokerTls.First => TlsMode.Implicit,
            BrokerTls.Off => TlsMode.Disable,
            _ => HasCertificates ? TlsMode.Require : TlsMode.Auto,
        },
    };

    private bool HasCertificates => (CaFile ?? CertFile) is not null;

    /// <summary>Reads the options; file names that are not absolute are below <paramref name="secretMountPath"/>.</summary>
    public static BrokerAccess Read(Settings settings, string secretMountPath)
    {
        var access = new BrokerAccess
        {
            UserFile = ReadFile(settings, secretMountPath, "nats_user_file", "File with the NATS user's name, absolute or below secret_mount_path"),
            PasswordFile = ReadFile(settings, secretMountPath, "nats_password_file", "File with the NATS user's password"),
            TokenFile = ReadFile(settings, secretMountPath, "nats_token_file", "File with a NATS token"),
            NkeyFile = ReadFile(settings, secretMountPath, "nats_nkey_file", "File with the seed of a NATS nkey (SU...)"),
            CredsFile = ReadFile(settings, secretMountPath, "nats_creds_file", "NATS credentials file (JWT and seed)"),
            Tls = settings.Choice("nats_tls", BrokerTls.Auto, "TLS to NATS: auto (if the server offers it), require, first (before the server's greeting) or off"),
            CaFile = ReadFile(settings, secretMountPath, "nats_tls_ca_file", "PEM file with the authorities that the NATS server's certificate must come from, each trusted by itself"),
            CertFile = ReadFile(settings, secretMountPath, "nats_tls_cert_file", "PEM file with our own certificate for NATS"),
            KeyFile = ReadFile(settings, secretMountPath, "nats_tls_key_file", "PEM file with its key"),
        };

        if (access.UserFile is null != access.PasswordFile is null)
        {
            settings.Fault(access.UserFile is null ? "nats_user_file" : "nats_password_file", "a file, for nats_user_file and nats_password_file go together");
        }

        if (new[] { access.UserFile, access.TokenFile, access.NkeyFile, access.CredsFile }.Count(f => f is not null) > 1)
        {
            settings.Fault("nats_creds_file", "only one of nats_user_file, nats_token_file, nats_nkey_file and nats_creds_file");
        }

        if (access.NkeyFile is not null && SeedIn(access.NkeyFile) is null)
        {
            settings.Fault("nats_nkey_file", "a file that can be read, with a line for the seed of a user (SU...)");
        }

        if (access.CertFile is null != access.KeyFile is null)
        {
            settings.Fault(access.CertFile is null ? "nats_tls_cert_file" : "nats_tls_key_file", "a file, for nats_tls_cert_file and nats_tls_key_file go together");
        }

        return access;
    }

    private ValueTask ConfigureAsync(SslClientAuthenticationOptions options)
    {
        if (CaFile is not null)
        {
            options.RemoteCertificateValidationCallback = new Authorities(CaFile).Accept;

            // What the system's authorities say to it decides nothing: no certificate is to be fetched for them.
            options.CertificateChainPolicy = new X509ChainPolicy { RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true };
        }

        if (CertFile is not null)
        {
            // The first is ours, the others lead from it to the authority.
            var chain = new X509Certificate2Collection();
            chain.ImportFromPemFile(CertFile);
            options.ClientCertificateContext = SslStreamCertificateContext.Create(X509Certificate2.CreateFromPemFile(CertFile, KeyFile), chain, offline: true);
        }

        return default;
    }

    private NatsAuthCred Credentials() =>
        UserFile is not null ? NatsAuthCred.FromUserInfo(Content(UserFile), Content(PasswordFile!))
        : TokenFile is not null ? NatsAuthCred.FromToken(Content(TokenFile))
        : NkeyFile is not null ? NatsAuthCred.FromNkey(SeedIn(NkeyFile) ?? throw new NatsException($"{NkeyFile} has no seed (SU...)"))
        : NatsAuthCred.FromCredsFile(CredsFile!);

    private static string Content(string file) => File.ReadAllText(file).Trim();

    private static string? SeedIn(string path)
    {
        try
        {
            return File.ReadLines(path).Select(line => line.Trim()).FirstOrDefault(line => line.StartsWith("SU", StringComparison.Ordinal));
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static string? WhyUnreadable(string path)
    {
        try
        {
            File.OpenHandle(path).Dispose();
            return null;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return fault.Message;
        }
    }

    private static string? ReadFile(Settings settings, string folder, string name, string meaning)
    {
        var given = settings.Text(name, "", meaning);
        var path = given.Length == 0 ? null : Path.Combine(folder, given);
        if (path is null || (File.Exists(path) && WhyUnreadable(path) is null))
        {
            return path;
        }

        settings.Fault(name, File.Exists(path) ? $"a file that this process's user may read ({WhyUnreadable(path)})" : $"a file that exists ({path} does not)");
        return null;
    }
}

/// <summary>When the connection to the broker is encrypted.</summary>
public enum BrokerTls
{
    /// <summary>If the server offers it, or if authorities or a certificate are given.</summary>
    Auto,

    /// <summary>Always; a server without it is refused.</summary>
    Require,

    /// <summary>Always, before the server's greeting (<c>handshake_first</c>).</summary>
    First,

    /// <summary>Never.</summary>
    Off,
}
