using System.Net;
using Connectors.Testing;

namespace Connectors.Gateway.Tests.Queues;

/// <summary>Dead letters that are gone, for others delete and redrive them too.</summary>
public sealed class MissingLetterTests
{
    [Fact]
    public async Task R15_what_was_deleted_under_a_job_is_not_put_back_however_soon_its_turn_is()
    {
        const int Many = 60;
        await using var nats = await NatsServer.StartAsync();
        await using var gateway = await TestGateway.StartAsync(nats);
        await using var stored = new StoredCalls(nats);
        var seed = await new DeadLetterSeed(stored.JetStream, "under").CreateAsync();
        await seed.DeadAsync(DeadLetterSeed.Call("other", "stays"));
        await seed.DeadAsync(Many, _ => DeadLetterSeed.Call());
        var id = await RedriveJobTests.StartAsync(gateway, "under", new { function = "echo", ratePerSecond = 30 });

        var deleted = 0;
        for (var seq = Many + 1; seq > 1; seq--)
        {
            using var request = new HttpRequestMessage(HttpMethod.Delete, new Uri(gateway.Api, $"system/queues/under/dead/{seq}"));
            request.Headers.TryAddWithoutValidation("Authorization", TestGateway.Admin);
            using var answer = await gateway.Http.SendAsync(request);
            deleted += answer.StatusCode == HttpStatusCode.NoContent ? 1 : 0;
            Assert.True(answer.StatusCode is HttpStatusCode.NoContent or HttpStatusCode.NotFound, $"{seq}: {(int)answer.StatusCode}");
        }

        var job = await RedriveJobTests.EndAsync(gateway, "under", id);

        Assert.Equal(("done", Many - deleted), (job["state"]!.ToString(), (int)job["redriven"]!));
        Assert.Equal((Many - deleted, 1), (await seed.CountAsync("OF_under"), await seed.CountAsync("OF_under_DEAD")));
    }

    [Fact]
    public async Task R15_two_jobs_over_the_same_letters_both_come_to_their_end()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var gateway = await TestGateway.StartAsync(nats);
        await using var stored = new StoredCalls(nats);
        var seed = await new DeadLetterSeed(stored.JetStream, "twice").CreateAsync();
        await seed.DeadAsync(DeadLetterSeed.Call("other", "stays"));
        await seed.DeadAsync(150, _ => DeadLetterSeed.Call());

        var ids = await Task.WhenAll(RedriveJobTests.StartAsync(gateway, "twice", new { function = "echo" }), RedriveJobTests.StartAsync(gateway, "twice", new { function = "echo" }));
        var jobs = await Task.WhenAll(ids.Select(id => RedriveJobTests.EndAsync(gateway, "twice", id)));

        Assert.All(jobs, job => Assert.Equal("done", job["state"]!.ToString()));
        Assert.Equal((150, 1), (await seed.CountAsync("OF_twice"), await seed.CountAsync("OF_twice_DEAD")));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_letter_that_is_gone_is_404_wherever_in_its_stream_it_stood(bool floor)
    {
        await using var nats = await NatsServer.StartAsync(floor: floor);
        await using var gateway = await TestGateway.StartAsync(nats);
        await using var stored = new StoredCalls(nats);
        var seed = await new DeadLetterSeed(stored.JetStream, "missing").CreateAsync();
        await seed.DeadAsync(6, _ => DeadLetterSeed.Call());

        foreach (var seq in new[] { 3, 1, 6 })
        {
            await gateway.SystemAsync(HttpMethod.Delete, $"queues/missing/dead/{seq}", expected: HttpStatusCode.NoContent);
        }

        foreach (var seq in new[] { 1, 3, 6, 7, 777 })
        {
            await gateway.SystemAsync(HttpMethod.Delete, $"queues/missing/dead/{seq}", expected: HttpStatusCode.NotFound);
        }

        Assert.Equal(3, await seed.CountAsync("OF_missing_DEAD"));
    }
}
