using System.Net;
using System.Text;
using Connectors.Streams.Records;
using Connectors.Testing;

namespace Connectors.Gateway.Tests.Queues;

/// <summary>
/// Calls whose result is to be kept, and which are not stored while it is not known whether that was noted: nothing is told of them, and of an earlier call of their
/// id what was told before.
/// </summary>
public sealed class UnansweredResultTests : IAsyncLifetime
{
    private const string Id = "mine";

    private readonly CancellationTokenSource _leave = new();
    private ProxiedGateway _system = null!; // set before each test

    private TestGateway Gateway => _system.Gateway;

    public async ValueTask InitializeAsync()
    {
        _system = await ProxiedGateway.StartAsync(("nats_publish_timeout", "3s"));
        await Gateway.DeployAsync("echo", "cat");

        // Stream and bucket are there from here on.
        await Eventually.HoldsAsync(async () => await StatusAsync(CallAsync("first", CancellationToken.None)) == HttpStatusCode.Accepted, "a call is accepted");
    }

    public async ValueTask DisposeAsync()
    {
        _leave.Dispose();
        await _system.DisposeAsync();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task R1_a_caller_who_leaves_before_the_call_is_stored_leaves_nothing_behind(bool hasEarlier)
    {
        var calls = await _system.Stored.CountAsync();
        var writes = await BeginAsync(hasEarlier);

        // Where there is an earlier one, the first write finds that.
        var held = _system.Proxy.Hold("PUB $KV.OF_results.", passing: hasEarlier ? 1 : 0);

        var asked = CallAsync(Id, _leave.Token);
        await held.Reached;
        await _leave.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asked);
        for (var i = 0; i < 20; i++)
        {
            // Nothing shows that the gateway has noticed. What others ask afterwards it hears of later.
            await Gateway.SystemAsync(HttpMethod.Get, "info");
        }

        held.Release();
        await Eventually.HoldsAsync(async () => await WritesAsync() > writes, "it was written");

        await TellsAsync(hasEarlier);
        Assert.Equal(calls, await _system.Stored.CountAsync());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task R1_what_was_noted_without_an_answer_is_taken_back_with_a_call_that_is_refused(bool hasEarlier)
    {
        var calls = await _system.Stored.CountAsync();
        var writes = await BeginAsync(hasEarlier);
        _system.Proxy.LoseAnswers("KV_OF_results", 1);

        Assert.Equal(HttpStatusCode.ServiceUnavailable, await StatusAsync(CallAsync(Id, CancellationToken.None)));
        await Eventually.HoldsAsync(async () => await WritesAsync() > writes, "it was written");

        await TellsAsync(hasEarlier);
        Assert.Equal(calls, await _system.Stored.CountAsync());
    }

    [Fact]
    public async Task R14_what_was_noted_without_an_answer_is_taken_back_with_a_letter_that_stays()
    {
        var seed = await new DeadLetterSeed(_system.Stored.JetStream, "full").CreateAsync();
        var seq = await seed.DeadAsync(DeadLetterSeed.Call(id: Id) with { StoreResult = TimeSpan.FromMinutes(10) });
        await seed.WaitingAsync(DeadLetterSeed.Call());
        var config = (await _system.Stored.JetStream.GetStreamAsync(StreamNames.Calls("full"))).Info.Config;
        config.MaxMsgs = 1;
        await _system.Stored.JetStream.UpdateStreamAsync(config);
        var writes = await BeginAsync(hasEarlier: true);
        _system.Proxy.LoseAnswers("KV_OF_results", 1);

        await Gateway.SystemAsync(HttpMethod.Post, $"queues/full/dead/{seq}/redrive", expected: HttpStatusCode.ServiceUnavailable);
        await Eventually.HoldsAsync(async () => await WritesAsync() > writes, "it was written");

        await TellsAsync(hasEarlier: true);
    }

    // Stores the earlier result, if there is to be one. Returns how often the bucket was written to.
    private async Task<ulong> BeginAsync(bool hasEarlier)
    {
        if (hasEarlier)
        {
            await _system.Stored.StoreResultAsync(Id, [1], TimeSpan.FromMinutes(10));
        }

        return await WritesAsync();
    }

    private async Task<ulong> WritesAsync() => (await _system.Stored.JetStream.GetStreamAsync("KV_OF_results")).Info.State.LastSeq;

    private Task TellsAsync(bool hasEarlier)
    {
        var told = "";
        return Eventually.HoldsAsync(
            async () =>
            {
                using var result = await Gateway.SendAsync(HttpMethod.Get, "/async-function/" + Id);
                told = $"{(int)result.StatusCode} {Convert.ToHexString(await result.Content.ReadAsByteArrayAsync())}";
                return hasEarlier ? told == "418 01" : result.StatusCode == HttpStatusCode.NotFound;
            },
            () => $"it is as before, not {told}");
    }

    private async Task<HttpResponseMessage> CallAsync(string id, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(Gateway.Api, "/async-function/echo")) { Content = new StringContent("hi", Encoding.UTF8) };
        request.Headers.Add("X-Call-Id", id);
        request.Headers.Add("X-Store-Result", "10m");
        return await Gateway.Http.SendAsync(request, ct);
    }

    private static async Task<HttpStatusCode> StatusAsync(Task<HttpResponseMessage> asked)
    {
        using var answer = await asked;
        return answer.StatusCode;
    }
}
