using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Connectors.Sdk.Invocation;
using Connectors.Testing;
using CsCheck;
using Microsoft.Extensions.Time.Testing;

namespace Connectors.Sdk.Tests.Invocation;

public sealed class DialerTests : IDisposable
{
    private const int Port = 8080;

    private readonly FakeTimeProvider _time = new();
    private readonly ConcurrentDictionary<string, TaskCompletionSource<Socket>> _dialled = new();
    private readonly CancellationTokenSource _caller = new();

    [Fact]
    public async Task A_silent_address_keeps_the_next_one_waiting_for_a_moment_only()
    {
        var dialling = Dial("192.0.2.1", "192.0.2.2", "192.0.2.3");
        Assert.Equal(["192.0.2.1"], Dialled);

        _time.Advance(Dialer.Patience);
        await Eventually.HoldsAsync(() => Dialled.Count == 2, "the second is tried");
        using var second = Answer("192.0.2.2");

        Assert.Same(second, await dialling);
        Assert.DoesNotContain("192.0.2.3", Dialled);
    }

    [Fact]
    public async Task When_one_fails_the_next_one_is_tried_at_once()
    {
        var dialling = Dial("192.0.2.1", "192.0.2.2");

        Fail("192.0.2.1", SocketError.ConnectionRefused);
        await Eventually.HoldsAsync(() => Dialled.Count == 2, "the second is tried");
        using var second = Answer("192.0.2.2");

        Assert.Same(second, await dialling);
    }

    [Fact]
    public async Task A_slow_address_is_taken_if_it_answers_before_the_others()
    {
        var dialling = Dial("192.0.2.1", "192.0.2.2");
        _time.Advance(Dialer.Patience);
        await Eventually.HoldsAsync(() => Dialled.Count == 2, "the second is tried");

        Fail("192.0.2.2", SocketError.ConnectionRefused);
        using var first = Answer("192.0.2.1");

        Assert.Same(first, await dialling);
    }

    [Fact]
    public async Task If_none_answers_the_last_fault_is_told()
    {
        var dialling = Dial("192.0.2.1", "192.0.2.2");

        Fail("192.0.2.1", SocketError.NetworkUnreachable);
        await Eventually.HoldsAsync(() => Dialled.Count == 2, "the second is tried");
        Fail("192.0.2.2", SocketError.ConnectionRefused);

        Assert.Equal(SocketError.ConnectionRefused, (await Assert.ThrowsAsync<SocketException>(() => dialling)).SocketErrorCode);
    }

    [Fact]
    public async Task A_host_without_addresses_is_not_found() =>
        Assert.Equal(SocketError.HostNotFound, (await Assert.ThrowsAsync<SocketException>(() => Dial())).SocketErrorCode);

    [Fact]
    public async Task Whoever_is_not_first_is_closed_though_it_answers_too()
    {
        var ignoring = new Dialer(_time) { OpenAsync = (address, _) => OpenAsync(address, CancellationToken.None) };
        var dialling = ignoring.DialAsync([IPAddress.Parse("192.0.2.1"), IPAddress.Parse("192.0.2.2")], Port, CancellationToken.None);
        _time.Advance(Dialer.Patience);
        await Eventually.HoldsAsync(() => Dialled.Count == 2, "the second is tried");
        using var second = Answer("192.0.2.2");
        await dialling;

        using var late = Answer("192.0.2.1");

        await Eventually.HoldsAsync(() => late.SafeHandle.IsClosed, "the late one is closed");
        Assert.False(second.SafeHandle.IsClosed);
    }

    [Fact]
    public async Task The_others_are_given_up_when_one_answers()
    {
        var dialling = Dial("192.0.2.1", "192.0.2.2");
        _time.Advance(Dialer.Patience);
        await Eventually.HoldsAsync(() => Dialled.Count == 2, "the second is tried");
        using var second = Answer("192.0.2.2");
        await dialling;

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _dialled["192.0.2.1"].Task);
    }

    [Fact]
    public async Task A_caller_who_leaves_is_told_by_his_own_token()
    {
        var dialling = Dial("192.0.2.1", "192.0.2.2");

        await _caller.CancelAsync();

        Assert.Equal(_caller.Token, (await Assert.ThrowsAnyAsync<OperationCanceledException>(() => dialling)).CancellationToken);
    }

    [Fact]
    public async Task Those_who_dial_a_host_at_once_share_a_look_up_and_its_addresses_and_nothing_is_remembered()
    {
        const int many = 50;
        var (lookUps, found, dialled) = (0, new TaskCompletionSource<IPAddress[]>(), new ConcurrentQueue<string>());
        var dialer = new Dialer(_time)
        {
            LookUpAsync = (_, _) =>
            {
                Interlocked.Increment(ref lookUps);
                return found.Task;
            },
            OpenAsync = (address, _) =>
            {
                dialled.Enqueue(address.Address.ToString());
                return Task.FromResult(new Socket(SocketType.Stream, ProtocolType.Tcp));
            },
        };

        var dialling = Enumerable.Range(0, many).Select(_ => dialer.DialAsync("several.example", Port, _caller.Token)).ToList();
        found.SetResult([IPAddress.Parse("192.0.2.1"), IPAddress.Parse("192.0.2.2")]);
        foreach (var socket in await Task.WhenAll(dialling))
        {
            socket.Dispose();
        }

        Assert.Equal(1, lookUps);
        Assert.Equal([("192.0.2.1", many / 2), ("192.0.2.2", many / 2)], dialled.CountBy(address => address).Select(one => (one.Key, one.Value)).Order());
        using var later = await dialer.DialAsync("several.example", Port, _caller.Token);
        Assert.Equal(2, lookUps);
    }

    // True stands for an address of IPv6.
    [Fact]
    public Task Each_who_shares_a_look_up_has_all_addresses_the_families_in_the_systems_order_and_begins_at_another() =>
        Gen.Select(Gen.Bool.Array[1, 6], Gen.Int[1, 8]).SampleAsync(async given =>
        {
            var (families, many) = given;
            var addresses = families.Select((isIPv6, i) => IPAddress.Parse(isIPv6 ? $"2001:db8::{i + 1}" : $"192.0.2.{i + 1}")).ToArray();
            var found = new TaskCompletionSource<IPAddress[]>();
            var dialer = new Dialer(_time) { LookUpAsync = (_, _) => found.Task };

            var asking = Enumerable.Range(0, many).Select(_ => dialer.AddressesAsync("several.example", CancellationToken.None)).ToList();
            found.SetResult(addresses);
            var told = await Task.WhenAll(asking);

            Assert.Equal(addresses, told[0]);
            Assert.All(told, one =>
            {
                Assert.Equal(addresses.Select(address => address.AddressFamily), one.Select(address => address.AddressFamily));
                Assert.True(addresses.ToHashSet().SetEquals(one));
            });
            foreach (var family in addresses.GroupBy(address => address.AddressFamily))
            {
                var first = told.Select(one => one.First(address => address.AddressFamily == family.Key)).Distinct();
                Assert.Equal(Math.Min(many, family.Count()), first.Count());
            }
        });

    [Fact]
    public async Task A_look_up_that_fails_fails_for_all_who_share_it_and_the_next_is_another()
    {
        var found = new TaskCompletionSource<IPAddress[]>();
        var dialer = new Dialer(_time) { LookUpAsync = (_, _) => found.Task };
        Task<IReadOnlyList<IPAddress>>[] asking = [dialer.AddressesAsync("several.example", _caller.Token), dialer.AddressesAsync("SEVERAL.example", _caller.Token)];

        found.SetException(new SocketException((int)SocketError.TryAgain));

        foreach (var one in asking)
        {
            Assert.Equal(SocketError.TryAgain, (await Assert.ThrowsAsync<SocketException>(() => one)).SocketErrorCode);
        }

        found = new TaskCompletionSource<IPAddress[]>();
        found.SetResult([IPAddress.Loopback]);
        Assert.Equal([IPAddress.Loopback], await dialer.AddressesAsync("several.example", _caller.Token));
    }

    [Fact]
    public async Task Whoever_leaves_a_look_up_is_gone_at_once_and_leaves_it_to_the_others()
    {
        var found = new TaskCompletionSource<IPAddress[]>();
        var dialer = new Dialer(_time) { LookUpAsync = (_, _) => found.Task };
        var leaving = dialer.DialAsync("several.example", Port, _caller.Token);
        var staying = dialer.AddressesAsync("several.example", CancellationToken.None);

        await _caller.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => leaving.WaitAsync(Eventually.Patience, TimeProvider.System));
        found.SetResult([IPAddress.Loopback]);
        Assert.Equal([IPAddress.Loopback], await staying);
    }

    public void Dispose() => _caller.Dispose();

    private List<string> Dialled => [.. _dialled.Keys.Order()];

    private Task<Socket> Dial(params string[] addresses)
    {
        var dialer = new Dialer(_time) { LookUpAsync = (_, _) => Task.FromResult<IPAddress[]>([.. addresses.Select(IPAddress.Parse)]), OpenAsync = OpenAsync };
        return dialer.DialAsync("several.example", Port, _caller.Token);
    }

    private Task<Socket> OpenAsync(IPEndPoint address, CancellationToken ct)
    {
        var opening = _dialled.GetOrAdd(address.Address.ToString(), _ => new TaskCompletionSource<Socket>());
        ct.Register(() => opening.TrySetCanceled(ct));
        return opening.Task;
    }

    private Socket Answer(string address)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        _dialled[address].SetResult(socket);
        return socket;
    }

    private void Fail(string address, SocketError error) => _dialled[address].SetException(new SocketException((int)error));
}
