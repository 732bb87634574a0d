using System.Net;
using Connectors.Gateway.Tests.Queues;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;

namespace Connectors.Gateway.Tests;

/// <summary>Durations in the annotations of a remote provider's functions, which nobody has checked when they were deployed.</summary>
public sealed class LongAgeTests
{
    private const string Patient =
        """{"name":"patient","namespace":"openfaas-fn","annotations":{"com.openfaas.retry.max_age":"99999999h","com.openfaas.retry.max_wait":"2000h"}}""";

    [Fact]
    public async Task What_is_longer_than_anything_waits_counts_as_45_days_for_a_call_that_is_accepted_and_for_one_that_is_put_back()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var provider = await HttpLedger.StartAsync((request, http) => http.Response.WriteAsync(request.Path switch
        {
            "/system/namespaces" => """["openfaas-fn"]""",
            "/system/functions" => $"[{Patient}]",
            _ => Patient,
        }));
        await using var gateway = await TestGateway.StartAsync(nats, ("functions_provider_url", provider.Url.AbsoluteUri));
        await using var stored = new StoredCalls(nats);
        var seed = await new DeadLetterSeed(stored.JetStream, "aged").CreateAsync();
        var seq = await seed.DeadAsync(DeadLetterSeed.Call("other"));

        using var answer = await gateway.PostAsync("/async-function/patient", "");
        await gateway.SystemAsync(HttpMethod.Post, $"queues/aged/dead/{seq}/edit", new { function = "patient" }, HttpStatusCode.Accepted);

        Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
        foreach (var envelope in new[] { (await stored.LastAsync()).Envelope, (await stored.LastAsync("aged")).Envelope })
        {
            Assert.Equal("patient", envelope.Function);
            Assert.Equal(envelope.Submitted.AddDays(45), envelope.Deadline);
            Assert.Equal((TimeSpan.FromDays(45), TimeSpan.FromDays(45)), (envelope.Retry?.MaxAge, envelope.Retry?.MaxWait));
        }
    }
}
