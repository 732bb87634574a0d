using System.Collections.ObjectModel;
using Amazon.Runtime;

namespace Amazon.SQS.Internal;

/// <summary>Retry mode and timeouts for each of the SDK's default configuration modes, the figures of the SDK's reference guide.</summary>
internal static class RetryDefaults
{
    public static ReadOnlyCollection<IDefaultConfiguration> All { get; } = new(
    [
        Timeouts(DefaultConfigurationMode.InRegion, 1.1),
        Timeouts(DefaultConfigurationMode.Standard, 3.1),
        Timeouts(DefaultConfigurationMode.CrossRegion, 3.1),
        Timeouts(DefaultConfigurationMode.Mobile, 30),
    ]);

    private static DefaultConfiguration Timeouts(DefaultConfigurationMode name, double connectSeconds) => new()
    {
        Name = name,
        RetryMode = RequestRetryMode.Standard,
        ConnectTimeout = TimeSpan.FromSeconds(connectSeconds),
        TlsNegotiationTimeout = TimeSpan.FromSeconds(connectSeconds),
    };
}
