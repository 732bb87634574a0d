using Connectors.QueueWorker.Callbacks;
using Connectors.Streams.Records;
using CsCheck;

namespace Connectors.QueueWorker.Tests;

/// <summary>Which hosts an operator lets callbacks go to.</summary>
public sealed class CallbackHostsTests(SharedNats nats) : IClassFixture<SharedNats>
{
    [Theory]
    [InlineData("*", "anything.example.com", true)]
    [InlineData("*", "::1", true)]
    [InlineData("", "anything.example.com", false)]
    [InlineData("*.example.com", "a.example.com", true)]
    [InlineData("*.example.com", "a.b.example.com", true)]
    [InlineData("*.example.com", "A.EXAMPLE.COM", true)]
    [InlineData("*.example.com", "a.example.com.", true)]
    [InlineData("*.example.com", "example.com", false)]
    [InlineData("*.example.com", "aexample.com", false)]
    [InlineData("*.example.com", "a.example.com.evil.org", false)]
    [InlineData("hooks.example.com,10.0.*", "10.0.1.2", true)]
    [InlineData("hooks.example.com,10.0.*", "hooks.example.com", true)]
    [InlineData("hooks.example.com,10.0.*", "10.1.0.2", false)]
    [InlineData("[fd00::1]", "fd00::1", true)]
    public void A_host_is_allowed_if_an_entry_names_it(string entries, string host, bool isAllowed) =>
        Assert.Equal(isAllowed, new CallbackHosts(entries.Split(',', StringSplitOptions.RemoveEmptyEntries)).Allow(host));

    [Fact]
    public void An_entry_names_every_host_that_its_star_is_filled_to_and_none_other()
    {
        var part = Gen.Char["abc.-0"].Array[0, 6].Select(chars => new string(chars));

        Gen.Select(part, part, part).Sample((head, middle, tail) =>
        {
            var hosts = new CallbackHosts([$"x{head}*{tail}x"]);
            Assert.True(hosts.Allow($"x{head}{middle}{tail}x"));
            Assert.False(hosts.Allow($"y{head}{middle}{tail}x"));
        });
    }

    [Theory]
    [InlineData("127.0.0.*", true)]
    [InlineData("none", false)]
    [InlineData("*.example.com", false)]
    public async Task A_callback_goes_only_to_a_host_that_is_allowed(string allowed, bool arrives)
    {
        await using var bench = await Bench.StartAsync(options: new() { ["allowed_callback_urls"] = allowed }, server: nats.Server);
        var call = await bench.EnqueueAsync(Bench.Call() with { Callback = bench.CallbackUrl.ToString() });
        await bench.IsEmptyAsync();

        Assert.Equal(arrives ? 1 : 0, bench.Posts.Count);
        if (!arrives)
        {
            var biography = (await bench.DeadLetterAsync(call)).Biography;
            Assert.Equal(DeadReasons.CallbackRefused, biography.Reason);
            Assert.Contains("allowed_callback_urls", biography.Error, StringComparison.Ordinal);
        }
    }
}
