using System.Globalization;
using Connectors.Gateway.Provider.Remote;
using Connectors.Sdk.Invocation;
using Microsoft.Extensions.Time.Testing;

namespace Connectors.Gateway.Tests.Scaling;

/// <summary>Functions that were seen with a replica are known for a moment, and leave nothing behind.</summary>
public sealed class SeenReplicasTests
{
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void Names_that_callers_make_up_are_kept_no_longer_than_they_are_of_use()
    {
        const int Names = 1000;
        var seen = new SeenReplicas(_time);
        foreach (var number in Enumerable.Range(0, Names))
        {
            seen.Add(new FunctionName("one", "random-" + number.ToString(CultureInfo.InvariantCulture)));
        }

        Assert.Equal(Names, seen.Count);
        _time.Advance(TimeSpan.FromSeconds(1));
        seen.Add(new FunctionName("one", "openfaas-fn"));

        Assert.Equal(1, seen.Count);
        Assert.True(seen.Has(new FunctionName("one", "openfaas-fn")));
    }

    [Fact]
    public void A_function_is_known_until_it_was_not_seen_for_a_moment_or_is_gone()
    {
        var (stays, goes) = (new FunctionName("stays", "openfaas-fn"), new FunctionName("goes", "openfaas-fn"));
        var seen = new SeenReplicas(_time);
        seen.Add(stays);
        seen.Add(goes);

        seen.Remove(goes);
        Assert.Equal((true, false), (seen.Has(stays), seen.Has(goes)));
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.False(seen.Has(stays));
    }
}
