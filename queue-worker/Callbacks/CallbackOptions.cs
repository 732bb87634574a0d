using Connectors.Sdk.Hosting;

namespace Connectors.QueueWorker.Callbacks;

/// <summary>How outcomes are told to <c>X-Callback-Url</c>.</summary>
internal sealed record CallbackOptions
{
    public required TimeSpan Timeout { get; init; }

    /// <summary>Age at which a record that nobody took ends as a dead letter.</summary>
    public required TimeSpan MaxAge { get; init; }

    public required TimeSpan InitialWait { get; init; }

    public required TimeSpan MaxWait { get; init; }

    /// <summary>POSTs that run at once; they take no slots from calls.</summary>
    public required int MaxInflight { get; init; }

    /// <summary>The hosts that callbacks may go to at all; none means nowhere.</summary>
    public required CallbackHosts Hosts { get; init; }

    /// <summary>Networks and hosts that may be called although the address rules refuse them.</summary>
    public required IReadOnlyList<string> Allow { get; init; }

    /// <summary>Whether callbacks may go to private networks, such as a cluster's own.</summary>
    public required bool AllowsPrivate { get; init; }

    public required bool TlsInsecure { get; init; }

    public static CallbackOptions Read(Settings settings, string secretMountPath)
    {
        var options = new CallbackOptions
        {
            Timeout = settings.Duration("callback_timeout", TimeSpan.FromSeconds(30), "How long one callback may take", TimeSpan.FromMilliseconds(1), TimeSpan.FromHours(1)),
            MaxAge = settings.Duration("callback_max_age", TimeSpan.FromHours(24), "How long an undelivered callback is tried again, at least 1s", TimeSpan.FromSeconds(1)),
            InitialWait = settings.Duration("callback_initial_wait", TimeSpan.FromSeconds(5), "Wait before a callback is tried the second time, at least 10ms", TimeSpan.FromMilliseconds(10)),
            MaxWait = settings.Duration("callback_max_wait", TimeSpan.FromHours(1), "Longest wait between two tries of a callback"),
            MaxInflight = settings.Number("callback_max_inflight", 50, "Callbacks sent at once", 1, 100_000),
            Hosts = CallbackHosts.Read(settings),
            Allow = ReadAllow(settings),
            AllowsPrivate = settings.Flag("callback_private", true, "Whether callbacks may go to private networks (10.0.0.0/8, fc00::/7 and the like)"),
            TlsInsecure = settings.Flag("tls_insecure", false, "Accept any certificate of a callback's receiver"),
        };

        settings.CheckSecrets(secretMountPath, WebhookSigner.SecretName);
        var secret = new SecretFile(Path.Combine(secretMountPath, WebhookSigner.SecretName));
        if (secret.CanBeRead() && !WebhookSigner.HasKey(secret.Value))
        {
            settings.Fault("secret_mount_path", $"a folder in which {WebhookSigner.SecretName} is missing or has lines of the form {WebhookSigner.Form} ({secret.Path} has none)");
        }

        if (options.MaxWait < options.InitialWait)
        {
            settings.Fault("callback_max_wait", "no shorter than callback_initial_wait");
        }

        return options;
    }

    private static IReadOnlyList<string> ReadAllow(Settings settings)
    {
        var allow = settings.List(
            "callback_allow", "", "Addresses (IP, network such as 10.0.0.0/8, or host) that callbacks may go to although they are refused otherwise, such as 127.0.0.1");
        if (allow.FirstOrDefault(entry => !CallbackAddresses.CanMatch(entry)) is { } odd)
        {
            settings.Fault("callback_allow", $"IP addresses, networks such as 10.0.0.0/8 and hosts without scheme, port, path and *; \"{odd}\" is none of these");
        }

        return allow;
    }
}
