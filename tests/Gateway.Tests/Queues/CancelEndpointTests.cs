using System.Net;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using Connectors.Testing;
using NATS.Client.Core;
using NATS.Client.KeyValueStore;
using NATS.Net;

namespace Connectors.Gateway.Tests.Queues;

/// <summary>Cancelling by call id.</summary>
public sealed class CancelEndpointTests
{
    [Theory]
    [InlineData("5f1b7c86-6c1e-4a8e-9a53-0d3f1c8f2a77")]
    [InlineData("a.b:c~d")]
    public async Task R13_a_cancel_is_202_once_workers_can_see_it(string callId)
    {
        await using var nats = await NatsServer.StartAsync();
        await using var gateway = await TestGateway.StartAsync(nats);
        await using var connection = new NatsConnection(StoredCalls.OptionsFor(nats));

        using var answer = await gateway.SendAsync(HttpMethod.Delete, "/async-function/" + callId);
        var bucket = await connection.CreateKeyValueStoreContext().GetStoreAsync(StreamNames.Cancelled);
        var entry = await bucket.GetEntryAsync<byte[]>(StreamNames.Token(callId), serializer: NatsRawSerializer<byte[]>.Default);

        Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
        Assert.NotEmpty(entry.Value!);
        Assert.Equal(TimeSpan.FromDays(14), (await bucket.GetStatusAsync()).Info.Config.MaxAge);
    }

    [Fact]
    public async Task R13_without_NATS_it_is_503()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var gateway = await TestGateway.StartAsync(nats, ("nats_publish_timeout", "300ms"));
        await nats.KillAsync();

        await Eventually.HoldsAsync(
            async () => (await gateway.SendAsync(HttpMethod.Delete, "/async-function/some-id")).StatusCode == HttpStatusCode.ServiceUnavailable, "503");
    }

    [Theory]
    [InlineData("DELETE", "/async-function/some-id")]
    [InlineData("POST", "/system/calls/cancellations?all=true")]
    public async Task R13_and_R24_one_that_cannot_be_kept_is_503_with_the_reason(string method, string path)
    {
        await using var nats = await NatsServer.StartAsync();
        await using var connection = new NatsConnection(StoredCalls.OptionsFor(nats));
        await connection.CreateKeyValueStoreContext().CreateStoreAsync(new NatsKVConfig(StreamNames.Cancelled) { History = 1, MaxBytes = 1 });
        await using var gateway = await TestGateway.StartAsync(nats);

        using var answer = await gateway.SendAsync(new HttpMethod(method), path, null, ("Authorization", TestGateway.Admin));

        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.Contains("the cancellation cannot be kept: maximum bytes", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task R13_there_is_a_limit_to_how_many_ids_anybody_can_cancel()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var gateway = await TestGateway.StartAsync(nats);
        await using var connection = new NatsConnection(StoredCalls.OptionsFor(nats));

        using var answer = await gateway.SendAsync(HttpMethod.Delete, "/async-function/some-id");
        var status = await (await connection.CreateKeyValueStoreContext().GetStoreAsync(StreamNames.Cancelled)).GetStatusAsync();

        Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
        Assert.Equal(64 * 1024 * 1024, status.Info.Config.MaxBytes);
    }

    [Fact]
    public async Task With_call_api_auth_it_asks_for_credentials()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var gateway = await TestGateway.StartAsync(nats, ("call_api_auth", "basic"));

        using var refused = await gateway.SendAsync(HttpMethod.Delete, "/async-function/some-id");
        using var accepted = await gateway.SendAsync(HttpMethod.Delete, "/async-function/some-id", null, ("Authorization", TestGateway.Admin));

        Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
        Assert.Equal(HttpStatusCode.Accepted, accepted.StatusCode);
    }
}
