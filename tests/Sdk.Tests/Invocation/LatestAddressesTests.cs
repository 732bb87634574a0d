using Connectors.Sdk.Invocation;

namespace Connectors.Sdk.Tests.Invocation;

public class LatestAddressesTests
{
    private const int Most = 8;
    private static readonly Uri Address = new("http://gateway/function/any");

    [Fact]
    public void What_is_asked_for_again_stays_and_what_is_not_goes()
    {
        var addresses = new LatestAddresses(Most);
        addresses.Add(Name("stays"), false, Address);
        addresses.Add(Name("goes"), false, Address);
        for (var i = 0; i < 100; i++)
        {
            addresses.Add(Name($"passing-{i}"), false, Address);
            Assert.Same(Address, addresses.Find(Name("stays"), false));
        }

        Assert.Null(addresses.Find(Name("goes"), false));
        Assert.Null(addresses.Find(Name("stays"), true));
        Assert.InRange(Enumerable.Range(0, 100).Count(i => addresses.Find(Name($"passing-{i}"), false) is not null), 1, Most);
    }

    private static FunctionName Name(string name) => new(name, "openfaas-fn");
}
