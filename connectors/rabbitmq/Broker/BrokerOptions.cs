using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Connectors.Sdk.Hosting;
using RabbitMQ.Client;

namespace Connectors.RabbitMq.Broker;

/// <summary>How the broker is reached, and as whom.</summary>
internal sealed record BrokerOptions
{
    private const string Allowed = "an address such as amqp://rabbitmq:5672, or amqps://rabbitmq:5671/vhost for TLS; a slash in a vhost, and special characters of user and password, are written %XX, such as %2F for / and %23 for # (username_file and password_file take them as they are)";

    // What RabbitMQ itself takes at most; a message above what the client takes would end the connection, again and again.
    private const int MaxMessageBytes = 512 * 1024 * 1024;

    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(15);

    public required Uri Url { get; init; }

    /// <summary>The files with user name and password, which win over those in the address; null without.</summary>
    public SecretFile? Username { get; init; }

    public SecretFile? Password { get; init; }

    public string CaFile { get; init; } = "";

    public string CertFile { get; init; } = "";

    public string KeyFile { get; init; } = "";

    /// <summary>How long an answer of the broker is waited for, its first one included. No option.</summary>
    public TimeSpan AnswerTime { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>Where it is, for people: no credentials.</summary>
    public string Address => $"{Url.Scheme}://{Url.Authority}{(VirtualHost == "/" ? "" : Url.AbsolutePath)}";

    private string VirtualHost => Url.AbsolutePath is "" or "/" ? "/" : Uri.UnescapeDataString(Url.AbsolutePath[1..]);

    private bool IsTls => Url.Scheme == "amqps";

    public static BrokerOptions Read(Settings settings)
    {
        const string fallback = "amqp://rabbitmq:5672";
        var text = settings.Text("rabbitmq_url", fallback, "Address of the broker: amqp, or amqps for TLS, with a vhost as its path; credentials are better kept in files");
        if (!Uri.TryCreate(text, UriKind.Absolute, out var url) || url.Scheme is not ("amqp" or "amqps") || url.Host.Length == 0
            || url.AbsolutePath.LastIndexOf('/') > 0 || url.Query.Length > 0 || url.Fragment.Length > 0)
        {
            settings.Fault("rabbitmq_url", Allowed);
            url = new Uri(fallback);
        }

        var options = new BrokerOptions
        {
            Url = url,
            Username = settings.SecretFile("username_file", "File with the user name; guest without one"),
            Password = settings.SecretFile("password_file", "File with the password; guest without one"),
            CaFile = settings.File("ca_file", "File with the authorities (PEM) that the broker's certificate is checked against; the system's without it"),
            CertFile = settings.File("cert_file", "File with the client's certificate (PEM), its intermediate ones behind it"),
            KeyFile = settings.File("key_file", "File with the client's private key (PEM)"),
        };
        options.Check(settings);
        return options;
    }

    /// <summary>What connects, with the credentials and certificates that the files hold now.</summary>
    public ConnectionFactory Factory(string clientName)
    {
        var given = Url.UserInfo.Split(':', 2).Select(Uri.UnescapeDataString).ToArray();
        return new ConnectionFactory
        {
            HostName = Url.IdnHost.Trim('[', ']'),
            Port = Url.Port > 0 ? Url.Port : IsTls ? 5671 : 5672,
            VirtualHost = VirtualHost,
            UserName = Username?.Value ?? (given[0].Length > 0 ? given[0] : ConnectionFactory.DefaultUser),
            Password = Password?.Value ?? (given.Length > 1 ? given[1] : ConnectionFactory.DefaultPass),
            Ssl = IsTls ? Tls() : new SslOption(),
            ClientProvidedName = clientName,
            RequestedHeartbeat = Heartbeat,
            ContinuationTimeout = AnswerTime,
            MaxInboundMessageBodySize = MaxMessageBytes,

            // A connection that broke is made anew by whoever reads from it, who knows what came over it and is to come again.
            AutomaticRecoveryEnabled = false,
            TopologyRecoveryEnabled = false,
        };
    }

    private void Check(Settings settings)
    {
        if (!IsTls && (CaFile + CertFile + KeyFile).Length > 0)
        {
            settings.Fault("rabbitmq_url", "an amqps:// address with ca_file, cert_file and key_file, which are for TLS alone");
        }

        if (Username is null != Password is null)
        {
            settings.Fault(Username is null ? "username_file" : "password_file", "both of username_file and password_file, or neither");
        }

        if (CertFile.Length > 0 != KeyFile.Length > 0)
        {
            settings.Fault(CertFile.Length > 0 ? "key_file" : "cert_file", "both of cert_file and key_file, or neither");
        }

        CheckPem(settings, "ca_file", CaFile, file => new X509Certificate2Collection().ImportFromPemFile(file));
        if (KeyFile.Length > 0)
        {
            CheckPem(settings, "cert_file", CertFile, file => X509Certificate2.CreateFromPemFile(file, KeyFile).Dispose());
        }
    }

    private static void CheckPem(Settings settings, string name, string file, Action<string> read)
    {
        try
        {
            if (System.IO.File.Exists(file))
            {
                read(file);
            }
        }
        catch (Exception fault) when (fault is CryptographicException or IOException or UnauthorizedAccessException)
        {
            settings.Fault(name, $"a readable PEM file ({fault.Message})");
        }
    }

    private SslOption Tls()
    {
        var tls = new SslOption { Enabled = true, ServerName = Url.IdnHost.Trim('[', ']'), Version = SslProtocols.None };
        if (CertFile.Length > 0)
        {
            // The first is ours, the others lead from it to the authority.
            var chain = new X509Certificate2Collection();
            chain.ImportFromPemFile(CertFile);
            tls.ClientCertificateContext = SslStreamCertificateContext.Create(X509Certificate2.CreateFromPemFile(CertFile, KeyFile), chain, offline: true);
        }

        if (CaFile.Length > 0)
        {
            tls.CertificateValidationCallback = new Authorities(CaFile).Accept;
        }

        return tls;
    }
}
