using System.Runtime.InteropServices;
using System.Text;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using Connectors.Testing;
using Microsoft.Extensions.Time.Testing;
using NATS.Client.Core;

namespace Connectors.Streams.Tests.Nats;

/// <summary>A bucket that the servers do not bring onto three of them for now. Whoever opened it then may go on using it, or watching it, for months.</summary>
[Collection(nameof(ThreeServers))]
public sealed class RaisedBucketTests(ThreeServers cluster)
{
    private readonly BucketShape _shape = new($"OF_{Guid.NewGuid():N}", TimeSpan.FromHours(1), StreamStorage.File, Replicas: 1);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task It_is_brought_there_within_a_minute_of_when_they_do(bool isWatched)
    {
        await cluster.HealAsync();
        await using var proxy = new NatsProxy(cluster.Nats.Servers[0].Port);
        await using var link = await TestLink.StartAsync(proxy.Port);
        await link.Link.OpenAsync(Eventually.Patience, Ct);
        var time = new FakeTimeProvider();
        await Eventually.HoldsAsync(async () => await Of(1).PutAsync("k", [1], Ct) > 0, "the cluster takes it", TimeSpan.FromMinutes(2));
        proxy.Before = bytes =>
        {
            // Asks what no server knows.
            var span = MemoryMarshal.AsMemory(bytes).Span;
            for (int found; (found = span.IndexOf(Update)) >= 0;)
            {
                " $JS.API.STREAM.NOBODY."u8.CopyTo(span[found..]);
            }

            return Task.CompletedTask;
        };

        var bucket = Of(3);
        Assert.Equal([1], (await bucket.FindAsync("k", Ct))?.Value);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var watching = isWatched ? WatchAsync(bucket, end.Token) : Task.CompletedTask;
        Assert.Equal(1, await ReplicasAsync());
        proxy.Before = _ => Task.CompletedTask;
        Assert.Equal([1], (await bucket.FindAsync("k", Ct))?.Value);
        Assert.Equal(1, await ReplicasAsync());

        await Eventually.HoldsAsync(
            async () =>
            {
                time.Advance(TimeSpan.FromMinutes(1));
                return (isWatched || await bucket.FindAsync("k", Ct) is { Value: [1] }) && await ReplicasAsync() == 3;
            },
            "it is brought onto three");
        await end.CancelAsync();
        await watching;

        Bucket Of(int replicas) => new(link.Link, _shape with { Replicas = replicas }, Eventually.Patience, time);

        async Task<int> ReplicasAsync() => (await link.Link.JetStream.GetStreamAsync($"KV_{_shape.Name}", cancellationToken: Ct)).Info.Config.NumReplicas;
    }

    private ReadOnlySpan<byte> Update => Encoding.ASCII.GetBytes($" $JS.API.STREAM.UPDATE.KV_{_shape.Name} ");

    // Again and again, as its users do.
    private static async Task WatchAsync(Bucket bucket, CancellationToken ct)
    {
        while (!ct.IsCancellationRequested)
        {
            try
            {
                await bucket.WatchAsync(_ => { }, () => { }, ct);
            }
            catch (Exception fault) when (fault is NatsException or OperationCanceledException)
            {
                // Begun again.
            }
        }
    }
}
