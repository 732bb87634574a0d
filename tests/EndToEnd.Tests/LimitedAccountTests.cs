using System.Net;
using Connectors.Testing;

namespace Connectors.EndToEnd.Tests;

/// <summary>An account of NATS that takes no stream and no bucket without a limit, as providers of NATS give them.</summary>
public sealed class LimitedAccountTests
{
    [Fact]
    public async Task Calls_run_and_are_called_back_and_queues_are_listed()
    {
        await using var nats = await NatsServer.StartAsync("accounts { A { jetstream { max_bytes_required: true }, users [ { user: a, password: a } ] } }\nno_auth_user: a");
        await using var pipeline = await Pipeline.StartAsync(nats: nats);

        using var accepted = await pipeline.CallAsync("work", [1], ("X-Callback-Url", pipeline.Callbacks.Url.ToString()), ("X-Store-Result", "1h"));

        Assert.Equal(HttpStatusCode.Accepted, accepted.StatusCode);
        await Eventually.HoldsAsync(() => pipeline.Callbacks.Requests.Count == 1, "it is called back");
        await pipeline.EndsAsync(dead: 0);
        Assert.Single((await pipeline.SystemAsync(HttpMethod.Get, "queues"))!.AsArray());
    }
}
