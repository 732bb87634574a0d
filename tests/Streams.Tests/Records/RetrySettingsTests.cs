using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.Streams.Tests.Records;

public class RetrySettingsTests
{
    private static readonly RetryPolicy Policy = new()
    {
        Attempts = 3,
        Codes = new HashSet<int> { 429, 503 },
        MinWait = TimeSpan.FromSeconds(10),
        MaxWait = TimeSpan.FromSeconds(120),
        BackOff = BackOffKind.Full,
    };

    [Fact]
    public void Annotations_override_what_they_name_and_nothing_else()
    {
        var own = new RetrySettings { Attempts = 9, Codes = [500], MinWait = TimeSpan.FromSeconds(1), MaxWait = TimeSpan.FromSeconds(2) }.Over(Policy);

        Assert.Equal(Policy, new RetrySettings().Over(Policy));
        Assert.Equal(9, own.Attempts);
        Assert.Equal([500], own.Codes);
        Assert.Equal((TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(2)), (own.MinWait, own.MaxWait));
        Assert.Equal(Policy.BackOff, own.BackOff);
    }
}
