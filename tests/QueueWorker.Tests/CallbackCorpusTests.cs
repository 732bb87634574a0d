using System.Collections.Concurrent;
using System.Net;
using Connectors.QueueWorker.Callbacks;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using Connectors.Testing;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Connectors.QueueWorker.Tests;

/// <summary>
/// Callback addresses as callers might give them. Whatever address is dialled, the connection ends at a listener here, so that for each of them it is seen
/// whether a socket was opened, and no test ever leaves this machine.
/// </summary>
public sealed class CallbackCorpusTests
{
    // What names resolve to; a name that is not here resolves to this machine, as the worst resolver might have it.
    private static readonly Dictionary<string, string> Names = new()
    {
        ["metadata"] = "169.254.169.254",
        ["metadata.google.internal"] = "169.254.169.254",
        ["metadata.google.internal."] = "169.254.169.254",
        ["instance-data.ec2.internal"] = "fd00:ec2::254",
        ["metadata.tencentyun.com"] = "169.254.0.23",
        ["metadata.alibaba"] = "100.100.100.200",
        ["wireserver.azure"] = "168.63.129.16",
        ["opc.oracle"] = "192.0.0.192",
        ["localtest.me"] = "127.0.0.1",
        ["127.0.0.1.nip.io"] = "127.0.0.1",
        ["ip6-localhost"] = "::1",
        ["mapped.example"] = "::ffff:127.0.0.1",
        ["compatible.example"] = "::127.0.0.1",
        ["nat64.example"] = "64:ff9b::7f00:1",
        ["6to4.example"] = "2002:7f00:1::1",
        ["teredo.example"] = "2001:0:4136:e378:8000:63bf:80ff:fffe",
        ["isatap.example"] = "2001:db8::5efe:127.0.0.1",
        ["link.example"] = "fe80::1",
        ["multicast.example"] = "224.0.0.251",
        ["broadcast.example"] = "255.255.255.255",
        ["nowhere.example"] = "0.0.0.0",
        ["several.example"] = "127.0.0.1 169.254.169.254 ::1",
        ["example.com"] = "93.184.215.14",
        ["www.example.com"] = "2606:2800:21f:cb07:6820:80da:af6b:8b2c",
        ["localhost.example.com"] = "93.184.215.14",
        ["127.0.0.1.example.com"] = "93.184.215.14",
        ["inbox.openfaas.svc.cluster.local"] = "10.96.7.7",
        ["inbox"] = "172.20.3.4",
        ["xn--mnchen-3ya.example"] = "203.0.113.9",
        ["half.example"] = "127.0.0.1 93.184.215.14 ::1",
    };

    [Theory]
    [InlineData("http://127.0.0.1/")]
    [InlineData("http://127.0.0.1:1/")]
    [InlineData("http://127.0.0.1:22/")]
    [InlineData("http://127.0.0.1:65535/")]
    [InlineData("https://127.0.0.1:6443/")]
    [InlineData("HTTP://127.0.0.1:4222/")]
    [InlineData("http://127.0.0.1:8222/varz")]
    [InlineData("http://127.1/")]
    [InlineData("http://127.0.1/")]
    [InlineData("http://127.255.255.254/")]
    [InlineData("http://2130706433/")]
    [InlineData("http://0x7f000001/")]
    [InlineData("http://0x7f.0.0.1/")]
    [InlineData("http://0x7f.1/")]
    [InlineData("http://0177.0.0.1/")]
    [InlineData("http://0177.1/")]
    [InlineData("http://017700000001/")]
    [InlineData("http://0/")]
    [InlineData("http://0.0.0.0/")]
    [InlineData("http://00000177.0.0.1/")]
    [InlineData("http://127.0.0.1./")]
    [InlineData("http://localhost/")]
    [InlineData("http://LocalHost/")]
    [InlineData("http://localhost./")]
    [InlineData("http://localtest.me/")]
    [InlineData("http://127.0.0.1.nip.io/")]
    [InlineData("http://ip6-localhost/")]
    [InlineData("http://%31%32%37.0.0.1/")]
    [InlineData("http://%6c%6fcalhost/")]
    [InlineData("http://１２７.0.0.1/")]
    [InlineData("http://①②⑦.0.0.1/")]
    [InlineData("http://ⓛocalhost/")]
    [InlineData("http://127。0。0。1/")]
    [InlineData("http://[::1]/")]
    [InlineData("http://[::]/")]
    [InlineData("http://[0:0:0:0:0:0:0:1]/")]
    [InlineData("http://[::ffff:127.0.0.1]/")]
    [InlineData("http://[::ffff:7f00:1]/")]
    [InlineData("http://[::127.0.0.1]/")]
    [InlineData("http://[64:ff9b::127.0.0.1]/")]
    [InlineData("http://[64:ff9b::a9fe:a9fe]/")]
    [InlineData("http://[64:ff9b:1::7f00:1]/")]
    [InlineData("http://[2002:7f00:1::]/")]
    [InlineData("http://[2002:a9fe:a9fe::1]/")]
    [InlineData("http://[fe80::1]/")]
    [InlineData("http://[fe80::1%25lo]/")]
    [InlineData("http://[ff02::1]/")]
    [InlineData("http://[fd00:ec2::254]/latest/meta-data/")]
    [InlineData("http://[fd00:ec2::23]/v1/credentials")]
    [InlineData("http://[fd00:42::42]/user_data")]
    [InlineData("http://[fd20:ce::254]/computeMetadata/v1/")]
    [InlineData("http://169.254.169.254/latest/meta-data/iam/security-credentials/")]
    [InlineData("http://2852039166/latest/meta-data/")]
    [InlineData("http://0xa9fea9fe/")]
    [InlineData("http://0251.0376.0251.0376/")]
    [InlineData("http://169.254.43518/")]
    [InlineData("http://169.254.170.2/v2/credentials")]
    [InlineData("http://100.100.100.200/latest/meta-data/")]
    [InlineData("http://168.63.129.16/machine")]
    [InlineData("http://192.0.0.192/opc/v2/instance/")]
    [InlineData("http://metadata/computeMetadata/v1/")]
    [InlineData("http://metadata.google.internal/computeMetadata/v1/")]
    [InlineData("http://metadata.google.internal./")]
    [InlineData("http://METADATA.google.internal/")]
    [InlineData("http://instance-data.ec2.internal/")]
    [InlineData("http://metadata.tencentyun.com/")]
    [InlineData("http://metadata.alibaba/")]
    [InlineData("http://wireserver.azure/")]
    [InlineData("http://opc.oracle/")]
    [InlineData("http://mapped.example/")]
    [InlineData("http://compatible.example/")]
    [InlineData("http://nat64.example/")]
    [InlineData("http://6to4.example/")]
    [InlineData("http://teredo.example/")]
    [InlineData("http://isatap.example/")]
    [InlineData("http://link.example/")]
    [InlineData("http://multicast.example/")]
    [InlineData("http://broadcast.example/")]
    [InlineData("http://nowhere.example/")]
    [InlineData("http://several.example/")]
    [InlineData("http://example.com@127.0.0.1/")]
    [InlineData("http://example.com:80@127.0.0.1/")]
    [InlineData("http://example.com%2f@127.0.0.1/")]
    [InlineData("http://example.com%23@localhost/")]
    [InlineData("http://a@b@127.0.0.1/")]
    [InlineData("http://example.com:80:@169.254.169.254/")]
    [InlineData("http://127.0.0.1\\@example.com/")]
    [InlineData("http:\\\\127.0.0.1\\")]
    [InlineData("http://127.0.0.1/?http://example.com/")]
    [InlineData("http://127.0.0.1#@example.com/")]
    [InlineData("http://127.0.0.1;example.com/")]
    [InlineData("http://example.com:8080/system/functions")]
    [InlineData("http://example.com:8080/%73ystem/functions")]
    [InlineData("http://gateway.openfaas/system/functions")]
    [InlineData("http://example.com:99999/")]
    [InlineData("http://")]
    [InlineData("http:///callback")]
    [InlineData("//example.com/")]
    [InlineData("example.com")]
    [InlineData("/callback")]
    [InlineData("")]
    [InlineData("ftp://example.com/")]
    [InlineData("file:///etc/passwd")]
    [InlineData("gopher://example.com/_x")]
    [InlineData("dict://example.com:11211/stats")]
    [InlineData("ldap://example.com/")]
    [InlineData("ws://example.com/")]
    [InlineData("unix:///var/run/docker.sock")]
    [InlineData("data:text/plain,x")]
    [InlineData("javascript:alert(1)")]
    [InlineData("http+unix://%2Fvar%2Frun%2Fdocker.sock/")]
    public async Task No_socket_is_opened_to_what_is_refused(string url)
    {
        using var listener = CountingListener.Start(IPAddress.Loopback);

        var answer = await PostAsync(url, Network(listener));

        Assert.Equal((0, true), (answer.Status, answer.IsRefused));
        Assert.Equal(0, await listener.CountAsync());
    }

    [Theory]
    [InlineData("http://example.com/")]
    [InlineData("HTTP://EXAMPLE.COM/")]
    [InlineData("http://www.example.com/hook?x=1")]
    [InlineData("http://user:secret@example.com/")]
    [InlineData("http://127.0.0.1@example.com/")]
    [InlineData("http://localhost.example.com/")]
    [InlineData("http://127.0.0.1.example.com/")]
    [InlineData("http://münchen.example/")]
    [InlineData("http://half.example/")]
    [InlineData("http://example.com:1/")]
    [InlineData("http://example.com:22/")]
    [InlineData("http://example.com:65535/")]
    [InlineData("http://example.com:8080/systems")]
    [InlineData("http://1.1.1.1/")]
    [InlineData("http://0x08080808/")]
    [InlineData("http://134744072/")]
    [InlineData("http://[2606:4700:4700::1111]:8000/")]
    [InlineData("http://[::ffff:8.8.8.8]/")]
    [InlineData("http://[64:ff9b::808:808]/")]
    [InlineData("http://inbox.openfaas.svc.cluster.local:8080/async-function/next")]
    [InlineData("http://inbox/")]
    [InlineData("http://10.0.0.1:9000/")]
    [InlineData("http://192.168.1.1/")]
    public async Task One_socket_is_opened_to_what_is_allowed(string url)
    {
        using var listener = CountingListener.Start(IPAddress.Loopback);

        var answer = await PostAsync(url, Network(listener));

        Assert.Equal(new CallbackAnswer(204), answer);
        Assert.Equal(1, await listener.CountAsync());
    }

    [Theory]
    [InlineData(301)]
    [InlineData(302)]
    [InlineData(303)]
    [InlineData(307)]
    [InlineData(308)]
    public async Task A_redirect_is_not_followed_wherever_it_leads(int status)
    {
        using var elsewhere = CountingListener.Start(IPAddress.Parse("127.0.0.2"));
        using var allowed = CountingListener.Start(IPAddress.Loopback);
        foreach (var target in new[] { $"http://127.0.0.2:{elsewhere.Port}/", $"http://127.0.0.1:{allowed.Port}/" })
        {
            await using var receiver = await HttpLedger.StartAsync((_, http) =>
            {
                http.Response.StatusCode = status;
                http.Response.Headers.Location = target;
                http.Response.Headers["Refresh"] = $"0; url={target}";
                return Task.CompletedTask;
            });

            var answer = await PostAsync(receiver.Url.ToString(), new Dialer(TimeProvider.System), "127.0.0.1");

            Assert.Equal(status, answer.Status);
            Assert.Single(receiver.Requests);
        }

        Assert.Equal(0, await elsewhere.CountAsync());
        Assert.Equal(0, await allowed.CountAsync());
    }

    [Fact]
    public async Task A_name_that_changes_between_look_ups_is_dialled_where_it_was_checked()
    {
        var port = FreePort.Next();
        using var allowed = CountingListener.Start(IPAddress.Parse("127.0.0.2"), port);
        using var refused = CountingListener.Start(IPAddress.Loopback, port);
        var lookUps = new Queue<string>(["127.0.0.2", "127.0.0.1", "127.0.0.2"]);
        var network = new Dialer(TimeProvider.System) { LookUpAsync = (_, _) => Task.FromResult(new[] { IPAddress.Parse(lookUps.Dequeue()) }) };
        using var http = new HttpMessageInvoker(CallbackConnections.Handler(Options("127.0.0.2").Callbacks, network));
        var url = $"http://rebinding.example:{port}/";

        var first = await PostAsync(url, http);
        var second = await PostAsync(url, http);
        var third = await PostAsync(url, http);

        Assert.Equal((204, 204), (first.Status, third.Status));
        Assert.True(second.IsRefused);
        Assert.Empty(lookUps);
        Assert.Equal(2, await allowed.CountAsync());
        Assert.Equal(0, await refused.CountAsync());
    }

    [Fact]
    public async Task Of_several_addresses_only_the_allowed_ones_are_dialled()
    {
        using var refused = CountingListener.Start(IPAddress.Loopback);
        var network = new Dialer(TimeProvider.System) { LookUpAsync = (_, _) => Task.FromResult(new[] { IPAddress.Loopback, IPAddress.Parse("127.0.0.2") }) };

        // Nobody listens on the allowed one: trying the other then would be wrong.
        var answer = await PostAsync($"http://several.example:{refused.Port}/", network, "127.0.0.2");

        Assert.Equal((0, false), (answer.Status, answer.IsRefused));
        Assert.Equal(0, await refused.CountAsync());
    }

    [Fact]
    public async Task A_receiver_whose_first_address_is_silent_is_reached_at_its_second()
    {
        using var listener = CountingListener.Start(IPAddress.Loopback);
        var silent = IPAddress.Parse("192.0.2.1");
        var time = new FakeTimeProvider();
        var dialled = new ConcurrentQueue<IPAddress>();
        var network = new Dialer(time)
        {
            LookUpAsync = (_, _) => Task.FromResult(new[] { silent, IPAddress.Parse("127.0.0.3"), IPAddress.Parse("192.0.2.2") }),
            OpenAsync = async (address, ct) =>
            {
                dialled.Enqueue(address.Address);
                await Task.Delay(address.Address.Equals(silent) ? Timeout.InfiniteTimeSpan : TimeSpan.Zero, TimeProvider.System, ct);
                return await listener.DialAsync(ct);
            },
        };

        var posting = PostAsync("http://several.example/", network);
        await Eventually.HoldsAsync(
            () =>
            {
                time.Advance(TimeSpan.FromSeconds(1));
                return posting.IsCompleted;
            },
            "the callback is over");

        Assert.Equal(new CallbackAnswer(204), await posting);
        Assert.Equal([silent, IPAddress.Parse("192.0.2.2")], dialled);
    }

    // Here after a thousandth of that.
    [Fact]
    public async Task Connections_to_receivers_that_are_in_use_are_made_anew_after_one_to_two_minutes()
    {
        await using var server = RawServer.Start(_ => RawAnswer.Ok);
        using var pool = CallbackConnections.Handler(Options("127.0.0.1").Callbacks, new Dialer(TimeProvider.System));
        var life = pool.PooledConnectionLifetime;
        pool.PooledConnectionLifetime = life / 1000;
        using var http = new HttpMessageInvoker(pool);

        await Eventually.HoldsAsync(
            async () =>
            {
                await PostAsync(server.Url.ToString(), http);
                return server.Requests.Any(request => request.Number > 1) && server.Requests.Count(request => request.Number == 1) > 1;
            },
            "one that was used again is not used for ever");

        Assert.InRange(life, TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(2));
    }

    [Theory]
    [InlineData("system/functions")]
    [InlineData("SYSTEM/functions")]
    [InlineData("%73ystem/functions")]
    [InlineData("function/../system/functions")]
    [InlineData("/system/functions")]
    [InlineData("\\system\\functions")]
    public async Task The_gateways_own_system_is_refused_whatever_is_allowed(string path)
    {
        using var listener = CountingListener.Start(IPAddress.Loopback);

        var answer = await PostAsync($"http://gateway.openfaas:8080/{path}", Network(listener), "gateway.openfaas");

        Assert.True(answer.IsRefused);
        Assert.Equal(0, await listener.CountAsync());
    }

    [Theory]
    [InlineData("inbox.internal")]
    [InlineData("INBOX.internal")]
    public async Task A_host_that_the_operator_allows_may_be_anywhere(string host)
    {
        using var listener = CountingListener.Start(IPAddress.Loopback);
        var network = new Dialer(TimeProvider.System) { LookUpAsync = (_, _) => Task.FromResult(new[] { IPAddress.Loopback }) };

        Assert.Equal(204, (await PostAsync($"http://{host}:{listener.Port}/", network, "inbox.internal")).Status);
        Assert.True((await PostAsync($"http://x.{host}:{listener.Port}/", network, "inbox.internal")).IsRefused);
        Assert.Equal(1, await listener.CountAsync());
    }

    private static Dialer Network(CountingListener listener) => new(TimeProvider.System)
    {
        LookUpAsync = (name, _) => Task.FromResult<IPAddress[]>([.. Names.GetValueOrDefault(name.ToLowerInvariant(), "127.0.0.1").Split(' ').Select(IPAddress.Parse)]),
        OpenAsync = (_, ct) => listener.DialAsync(ct),
    };

    private static async Task<CallbackAnswer> PostAsync(string url, Dialer network, string allow = "")
    {
        using var http = new HttpMessageInvoker(CallbackConnections.Handler(Options(allow).Callbacks, network));
        return await PostAsync(url, http);
    }

    private static async Task<CallbackAnswer> PostAsync(string url, HttpMessageInvoker http)
    {
        var signer = new WebhookSigner(new SecretFile("/no/such/file"), TimeProvider.System, NullLogger<WebhookSigner>.Instance);
        var record = new CallbackRecord { Status = 200, Since = TimeProvider.System.GetUtcNow() };
        return await new CallbackPoster(Options(), http, signer, TimeProvider.System).PostAsync(Bench.Call() with { Callback = url }, record, default, CancellationToken.None);
    }

    private static QueueWorkerOptions Options(string allow = "") => QueueWorkerOptions.Read(new Settings(new Dictionary<string, string> { ["callback_allow"] = allow }));
}
