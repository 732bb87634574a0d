using System.Net;
using Connectors.QueueWorker.Callbacks;

namespace Connectors.QueueWorker.Tests;

/// <summary>The rules of where callbacks may go, address by address.</summary>
public sealed class CallbackAddressTests
{
    [Theory]
    [InlineData("0.0.0.0")]
    [InlineData("0.1.2.3")]
    [InlineData("127.0.0.1")]
    [InlineData("127.255.255.254")]
    [InlineData("169.254.0.1")]
    [InlineData("169.254.169.254")]
    [InlineData("169.254.170.2")]
    [InlineData("192.0.0.192")]
    [InlineData("100.100.100.200")]
    [InlineData("168.63.129.16")]
    [InlineData("224.0.0.1")]
    [InlineData("239.255.255.250")]
    [InlineData("240.0.0.1")]
    [InlineData("255.255.255.255")]
    [InlineData("::")]
    [InlineData("::1")]
    [InlineData("fe80::1")]
    [InlineData("fe80::1%2")]
    [InlineData("febf::1")]
    [InlineData("ff02::1")]
    [InlineData("fd00:ec2::254")]
    [InlineData("fd00:ec2::23")]
    [InlineData("fd00:42::42")]
    [InlineData("fd20:ce::254")]
    [InlineData("fd00:c1::a9fe:a9fe")]
    [InlineData("fd00:a9fe:a9fe::1")]
    [InlineData("fd00:100::100:200")]
    [InlineData("::127.0.0.1")]
    [InlineData("::169.254.169.254")]
    [InlineData("::ffff:127.0.0.1")]
    [InlineData("::ffff:7f00:1")]
    [InlineData("::ffff:169.254.169.254")]
    [InlineData("::ffff:0.0.0.0")]
    [InlineData("64:ff9b::127.0.0.1")]
    [InlineData("64:ff9b::a9fe:a9fe")]
    [InlineData("64:ff9b:1::1")]
    [InlineData("2002:7f00:1::")]
    [InlineData("2002:a9fe:a9fe::1")]
    [InlineData("2001:0:4136:e378:8000:63bf:80ff:fffe")]
    [InlineData("2001:db8::5efe:127.0.0.1")]
    [InlineData("2001:db8::200:5efe:169.254.169.254")]
    public void This_machine_its_link_and_metadata_are_refused(string address) => Assert.False(Rules().Allows("host", IPAddress.Parse(address)));

    [Theory]
    [InlineData("1.1.1.1")]
    [InlineData("126.255.255.255")]
    [InlineData("128.0.0.1")]
    [InlineData("169.253.255.255")]
    [InlineData("169.255.0.1")]
    [InlineData("223.255.255.255")]
    [InlineData("2606:4700:4700::1111")]
    [InlineData("::ffff:8.8.8.8")]
    [InlineData("64:ff9b::808:808")]
    [InlineData("2002:808:808::1")]
    public void The_internet_is_allowed(string address) => Assert.True(Rules(allowsPrivate: false).Allows("host", IPAddress.Parse(address)));

    [Theory]
    [InlineData("10.0.0.1")]
    [InlineData("172.16.0.1")]
    [InlineData("172.31.255.255")]
    [InlineData("192.168.1.1")]
    [InlineData("100.64.0.1")]
    [InlineData("198.18.0.1")]
    [InlineData("fc00::1")]
    [InlineData("fd12:3456::1")]
    [InlineData("fd00:ec2::22")]
    [InlineData("fd00:c1::a9fe:a9ff")]
    [InlineData("fec0::1")]
    [InlineData("::ffff:10.0.0.1")]
    [InlineData("64:ff9b::c0a8:101")]
    [InlineData("2002:a00:1::")]
    public void Private_networks_are_the_operators_choice(string address)
    {
        Assert.True(Rules().Allows("host", IPAddress.Parse(address)));
        Assert.False(Rules(allowsPrivate: false).Allows("host", IPAddress.Parse(address)));
    }

    [Theory]
    [InlineData("127.0.0.1", "127.0.0.1", true)]
    [InlineData("127.0.0.1", "::ffff:127.0.0.1", true)]
    [InlineData("127.0.0.1", "64:ff9b::7f00:1", true)]
    [InlineData("127.0.0.1", "127.0.0.2", false)]
    [InlineData("127.0.0.0/8", "127.9.9.9", true)]
    [InlineData("127.0.0.0/8", "169.254.169.254", false)]
    [InlineData("fe80::/10", "fe80::1%2", true)]
    [InlineData("host", "127.0.0.1", true)]
    [InlineData("hos", "127.0.0.1", false)]
    public void What_the_operator_allows_is_no_longer_refused(string allow, string address, bool allows) =>
        Assert.Equal(allows, new CallbackAddresses([allow], allowsPrivate: false).Allows("host", IPAddress.Parse(address)));

    [Theory]
    [InlineData("127.0.0.1", true)]
    [InlineData("10.0.0.0/8", true)]
    [InlineData("::1", true)]
    [InlineData("[::1]", true)]
    [InlineData("fe80::/10", true)]
    [InlineData("callbacks.internal", true)]
    [InlineData("a_b", true)]
    [InlineData("127.0.0.*", false)]
    [InlineData("127.0.0.0/33", false)]
    [InlineData("127.0.0.1:8080", false)]
    [InlineData("http://127.0.0.1", false)]
    [InlineData("host/path", false)]
    [InlineData("user@host", false)]
    [InlineData("*.internal", false)]
    public void What_no_callback_could_go_to_is_nothing_to_allow(string entry, bool canMatch) => Assert.Equal(canMatch, CallbackAddresses.CanMatch(entry));

    private static CallbackAddresses Rules(bool allowsPrivate = true) => new([], allowsPrivate);
}
