using System.Net;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using Connectors.Testing;
using NATS.Client.Core;
using NATS.Client.KeyValueStore;
using NATS.Net;

namespace Connectors.Gateway.Tests;

/// <summary>A gateway whose clock is an hour ahead of the server's and the workers'.</summary>
public sealed class ClockTests : IAsyncLifetime
{
    private static readonly TimeSpan Ahead = TimeSpan.FromHours(1);

    private readonly SettableClock _clock = new();
    private NatsServer _nats = null!;
    private TestGateway _gateway = null!;

    public async ValueTask InitializeAsync()
    {
        _clock.Set(Ahead);
        _nats = await NatsServer.StartAsync();
        _gateway = await TestGateway.StartAsync(_nats, [.. _clock.Environment.Select(variable => (variable.Key, variable.Value))]);
    }

    public async ValueTask DisposeAsync()
    {
        await _gateway.DisposeAsync();
        await _nats.DisposeAsync();
        _clock.Dispose();
    }

    // The search begins at the time that its id tells.
    [Fact]
    public async Task A_call_that_waits_is_found_though_others_wait_behind_it()
    {
        await _gateway.DeployAsync("echo", "cat");
        var ids = new List<string>();
        for (var i = 0; i < 5; i++)
        {
            using var accepted = await _gateway.PostAsync("/async-function/echo", "hi");
            ids.Add(accepted.Headers.GetValues("X-Call-Id").Single());
        }

        foreach (var id in ids)
        {
            Assert.Equal("waiting", (string)(await _gateway.SystemJsonAsync($"calls/{id}"))["calls"]![0]!["state"]!);
        }
    }

    [Fact]
    public async Task A_result_is_there_for_as_long_as_was_asked()
    {
        await StoreAsync("kept", Ahead / 2);
        await StoreAsync("gone", TimeSpan.FromSeconds(1));

        using var kept = await _gateway.SendAsync(HttpMethod.Get, "/async-function/kept");
        Assert.Equal(418, (int)kept.StatusCode);
        await Eventually.HoldsAsync(
            async () =>
            {
                using var gone = await _gateway.SendAsync(HttpMethod.Get, "/async-function/gone");
                return gone.StatusCode == HttpStatusCode.NotFound;
            },
            "the other one's time is over");
    }

    // As a worker does where the server heeds no ages.
    private async Task StoreAsync(string id, TimeSpan keep)
    {
        await using var connection = new NatsConnection(StoredCalls.OptionsFor(_nats));
        var bucket = await connection.CreateKeyValueStoreContext().CreateStoreAsync(new NatsKVConfig(StreamNames.Results) { History = 1, MaxAge = BucketShape.MaxResultAge });
        var record = new StoredResult
        {
            State = DeadReasons.Failed,
            Function = "echo.openfaas-fn",
            Status = 418,
            Expires = TimeProvider.System.GetUtcNow() + keep,
            Kept = keep,
        };
        await bucket.PutAsync(StreamNames.Token(id), record.Encode([]), NatsRawSerializer<byte[]>.Default);
    }
}
