using System.Net;
using System.Net.Sockets;
using Connectors.QueueWorker.Callbacks;

namespace Connectors.QueueWorker.Tests;

/// <summary>Where callbacks may go: the addresses one by one, and a listener that sees whether a socket is opened.</summary>
public sealed class CallbackAddressTests(SharedNats nats) : IClassFixture<SharedNats>
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
    [InlineData("http://127.0.0.1:{0}/")]
    [InlineData("http://127.1:{0}/")]
    [InlineData("http://127.0.1:{0}/")]
    [InlineData("http://2130706433:{0}/")]
    [InlineData("http://0x7f000001:{0}/")]
    [InlineData("http://0x7f.0.0.1:{0}/")]
    [InlineData("http://0177.0.0.1:{0}/")]
    [InlineData("http://017700000001:{0}/")]
    [InlineData("http://0:{0}/")]
    [InlineData("http://0.0.0.0:{0}/")]
    [InlineData("http://localhost:{0}/")]
    [InlineData("http://LOCALHOST:{0}/")]
    [InlineData("http://[::1]:{0}/")]
    [InlineData("http://[::]:{0}/")]
    [InlineData("http://[::ffff:127.0.0.1]:{0}/")]
    [InlineData("http://[::ffff:7f00:1]:{0}/")]
    [InlineData("http://[0:0:0:0:0:ffff:127.0.0.1]:{0}/")]
    [InlineData("http://example.com@127.0.0.1:{0}/")]
    [InlineData("http://example.com:80@127.0.0.1:{0}/")]
    [InlineData("http://example.com%2f@127.0.0.1:{0}/")]
    [InlineData("http://127.0.0.1:{0}/?http://example.com")]
    [InlineData("https://127.0.0.1:{0}/")]
    public async Task No_socket_is_opened_to_what_is_refused(string form)
    {
        using var listener = new TcpListener(IPAddress.IPv6Any, 0);
        listener.Server.DualMode = true;
        listener.Start();
        var url = new Uri(string.Format(null, form, ((IPEndPoint)listener.LocalEndpoint).Port));
        using var refusing = new HttpMessageInvoker(CallbackConnections.Handler(Options()));
        using var request = new HttpRequestMessage(HttpMethod.Post, url);

        var fault = await Assert.ThrowsAsync<HttpRequestException>(() => refusing.SendAsync(request, CancellationToken.None));

        Assert.IsType<AddressRefusedException>(fault.GetBaseException());
        Assert.False(listener.Pending(), "a socket was opened");
    }

    [Theory]
    [InlineData("http://localhost.:{0}/")]
    [InlineData("http://１２７.0.0.1:{0}/")]
    [InlineData("http://127.0.0.1.:{0}/")]
    public async Task No_socket_is_opened_to_names_that_some_resolvers_take_for_this_machine(string form)
    {
        using var listener = new TcpListener(IPAddress.IPv6Any, 0);
        listener.Server.DualMode = true;
        listener.Start();
        var url = new Uri(string.Format(null, form, ((IPEndPoint)listener.LocalEndpoint).Port));
        using var refusing = new HttpMessageInvoker(CallbackConnections.Handler(Options()));
        using var request = new HttpRequestMessage(HttpMethod.Post, url);

        await Assert.ThrowsAsync<HttpRequestException>(() => refusing.SendAsync(request, CancellationToken.None));

        Assert.False(listener.Pending(), "a socket was opened");
    }

    [Theory]
    [InlineData("system/functions")]
    [InlineData("SYSTEM/functions")]
    [InlineData("%73ystem/functions")]
    [InlineData("function/../system/functions")]
    [InlineData("/system/functions")]
    public async Task The_gateways_own_system_is_refused_whatever_is_allowed(string path)
    {
        await using var bench = await Bench.StartAsync(server: nats.Server);

        var call = await bench.EnqueueAsync(Bench.Call() with { Callback = bench.Http.Url + path });
        var letter = await bench.DeadLetterAsync(call);

        Assert.Equal(Sdk.Envelopes.DeadReasons.CallbackRefused, letter.Biography.Reason);
        Assert.Empty(bench.Posts);
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("127.0.0.0/8")]
    public async Task What_the_operator_allows_opens_one(string allow)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var allowing = new HttpMessageInvoker(CallbackConnections.Handler(Options(allow)));
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri($"http://127.1:{((IPEndPoint)listener.LocalEndpoint).Port}/"));
        using var enough = new CancellationTokenSource();

        var sending = allowing.SendAsync(request, enough.Token);
        using var accepted = await listener.AcceptSocketAsync(TestContext.Current.CancellationToken);
        await enough.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sending);
    }

    private static CallbackAddresses Rules(bool allowsPrivate = true) => new([], allowsPrivate);

    private static CallbackOptions Options(params string[] allow) => new()
    {
        Timeout = TimeSpan.FromSeconds(30),
        MaxAge = TimeSpan.FromHours(1),
        InitialWait = TimeSpan.FromSeconds(5),
        MaxWait = TimeSpan.FromHours(1),
        MaxInflight = 1,
        Allow = allow,
        AllowsPrivate = true,
        TlsInsecure = false,
    };
}
