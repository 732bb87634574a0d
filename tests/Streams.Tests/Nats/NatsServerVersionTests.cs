using Connectors.Streams.Nats;

namespace Connectors.Streams.Tests.Nats;

public sealed class NatsServerVersionTests
{
    [Theory]
    [InlineData("2.9.25", true, true)]
    [InlineData("nonsense", true, true)]
    [InlineData("", true, true)]
    [InlineData("2.10.0", false, true)]
    [InlineData("2.10.22", false, true)]
    [InlineData("2.10.27", false, true)]
    [InlineData("2.11.0-RC.1", false, false)]
    [InlineData("v2.15.1", false, false)]
    public void Server_versions_are_refused_warned_of_or_trusted(string version, bool isRefused, bool isWarnedOf)
    {
        var refusal = NatsServerVersion.Refusal(version, "nats_host");

        Assert.Equal(isRefused, refusal is not null);
        Assert.Equal(isRefused, refusal?.Contains("set nats_host to another", StringComparison.Ordinal) ?? false);
        Assert.Equal(isWarnedOf, NatsServerVersion.Warning(version) is not null);
    }

    [Theory]
    [InlineData("2.10.0", true)]
    [InlineData("2.10.5", true)]
    [InlineData("2.10.6", false)]
    [InlineData("2.10.27", false)]
    public void One_that_deletes_calls_at_a_limit_is_warned_of(string version, bool deletes) =>
        Assert.Equal(deletes, NatsServerVersion.Warning(version)!.Contains("deleted", StringComparison.Ordinal));

    [Theory]
    [InlineData("2.14.5", false)]
    [InlineData("nonsense", false)]
    [InlineData("2.15.0-RC.1", true)]
    [InlineData("v2.15.1", true)]
    [InlineData("2.100.0", true)]
    public void A_stream_has_a_limit_of_consumers_by_itself_from_2_15_on(string version, bool isLimited) =>
        Assert.Equal(isLimited, NatsServerVersion.LimitsConsumers(version));
}
