using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;

namespace Connectors.Sdk.Tests.Invocation;

public class RetryOptionsTests
{
    private static readonly RetryPolicy Defaults = RetryOptions.Defaults(5, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(60), BackOffKind.Equal);

    [Fact]
    public void What_is_not_set_is_as_by_default()
    {
        var policy = Read([], out var errors);

        Assert.Empty(errors);
        Assert.Equal((5, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(60), BackOffKind.Equal), (policy.Attempts, policy.MinWait, policy.MaxWait, policy.BackOff));
        Assert.Equal([408, 429, 500, 502, 503, 504], policy.Codes.Order());
    }

    [Fact]
    public void Each_option_counts()
    {
        var policy = Read(
            new()
            {
                ["max_retry_attempts"] = "7",
                ["initial_retry_wait"] = "2s",
                ["max_retry_wait"] = "3s",
                ["retry_http_codes"] = "418, 503",
                ["backoff"] = "full",
            },
            out var errors);

        Assert.Empty(errors);
        Assert.Equal((7, TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(3), BackOffKind.Full), (policy.Attempts, policy.MinWait, policy.MaxWait, policy.BackOff));
        Assert.Equal([418, 503], policy.Codes.Order());
    }

    [Theory]
    [InlineData("max_retry_attempts", "0")]
    [InlineData("initial_retry_wait", "soon")]
    [InlineData("max_retry_wait", "500ms")]
    [InlineData("retry_http_codes", "200")]
    [InlineData("backoff", "none")]
    public void A_value_that_cannot_be_is_one_error_with_its_name(string name, string value)
    {
        Read(new() { [name] = value }, out var errors);

        Assert.StartsWith(name + ": ", Assert.Single(errors), StringComparison.Ordinal);
    }

    private static RetryPolicy Read(Dictionary<string, string> options, out IReadOnlyList<string> errors)
    {
        var settings = new Settings(options);
        var policy = RetryOptions.Read(settings, "an event", Defaults);
        errors = settings.Errors;
        return policy;
    }
}
