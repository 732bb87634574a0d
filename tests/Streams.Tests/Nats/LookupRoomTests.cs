using Connectors.Streams.Nats;
using Connectors.Testing;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Connectors.Streams.Tests.Nats;

/// <summary>Large answers wait for room on the connection.</summary>
public sealed class LookupRoomTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_page_of_subjects_and_what_a_leader_is_asked_for_wait_until_there_is_room()
    {
        await using var server = await NatsServer.StartAsync();
        await using var opened = await TestLink.OpenAsync(server);
        var link = opened.Link;
        var stream = await link.JetStream.CreateStreamAsync(new StreamConfig("S", ["s"]), Ct);
        (await link.JetStream.PublishAsync("s", "stored", cancellationToken: Ct)).EnsureSuccess();
        await using var asked = await link.Connection.SubscribeCoreAsync<string>("$JS.API.STREAM.>", cancellationToken: Ct);
        await link.Connection.PingAsync(Ct);

        await link.Lookups.TakeAsync(link.Lookups.Total, Ct);
        await link.Batches.TakeAsync(link.Batches.Total, Ct);
        var (page, message) = (link.PageOfSubjectsAsync("S", ">", 0, Ct), link.AskLeaderAsync(stream, new StreamMsgGetRequest { Seq = 1 }, Ct));

        // Small, so it waits for nothing, and comes before both.
        await link.JetStream.GetStreamAsync("S", cancellationToken: Ct);
        var first = await asked.Msgs.ReadAsync(Ct);
        link.Lookups.Release(link.Lookups.Total);
        link.Batches.Release(link.Batches.Total);

        Assert.Equal("$JS.API.STREAM.INFO.S", first.Subject);
        Assert.DoesNotContain("subjects_filter", first.Data ?? "", StringComparison.Ordinal);
        Assert.Equal(1, (await page).State.Subjects!["s"]);
        Assert.Equal(1UL, (await message).Seq);
    }
}
