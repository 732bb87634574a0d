using System.Net;
using Connectors.Testing;

namespace Connectors.Gateway.Tests.Queues;

/// <summary>Names of thousands of letters. As part of a subject one would end the gateway's connection to NATS, and with it what others wait for.</summary>
public sealed class LongNameTests(QueueFixture fixture) : IClassFixture<QueueFixture>
{
    private static readonly string Long = new('a', 4_000);

    private readonly TestGateway _gateway = fixture.Gateway;

    [Theory]
    [InlineData("LONG")]
    [InlineData("LONG.openfaas-fn")]
    [InlineData("echo.LONG")]
    public async Task Of_a_function_it_is_refused_wherever_one_is_named(string form)
    {
        var name = form.Replace("LONG", Long, StringComparison.Ordinal);
        var seed = await new DeadLetterSeed(fixture.Stored.JetStream, "q" + Guid.NewGuid().ToString("N")[..8]).CreateAsync();
        var letter = await seed.DeadAsync(DeadLetterSeed.Call());
        var before = await ReconnectsAsync();
        var queue = $"queues/{seed.Queue}";
        (HttpMethod Method, string Path, object? Body)[] asked =
        [
            (HttpMethod.Get, $"{queue}/dead?function={name}", null),
            (HttpMethod.Get, $"{queue}/dead/count?function={name}", null),
            (HttpMethod.Get, $"{queue}/dead/count?reason=failed&function={name}", null),
            (HttpMethod.Delete, $"{queue}/dead?function={name}", null),
            (HttpMethod.Get, $"{queue}/delayed?function={name}", null),
            (HttpMethod.Get, $"{queue}/calls/count?function={name}", null),
            (HttpMethod.Delete, $"{queue}/calls?function={name}", null),
            (HttpMethod.Post, $"{queue}/functions/{name}/pause", null),
            (HttpMethod.Post, $"{queue}/functions/{name}/resume", null),
            (HttpMethod.Post, $"{queue}/redrives", new { function = name }),
            (HttpMethod.Post, $"{queue}/dead/{letter}/edit", new { function = name }),
            (HttpMethod.Get, $"calls?function={name}", null),
            (HttpMethod.Get, $"calls/some-id?function={name}", null),
            (HttpMethod.Get, $"calls/cancellations/count?function={name}", null),
            (HttpMethod.Post, $"calls/cancellations?function={name}", null),
        ];

        foreach (var (method, path, body) in asked)
        {
            Assert.Contains("function: ", await _gateway.SystemAsync(method, path, body, HttpStatusCode.BadRequest), StringComparison.Ordinal);
        }

        // It goes to NATS and back: a connection that was cut would be there anew.
        await _gateway.SystemJsonAsync("queues");
        Assert.Equal(before, await ReconnectsAsync());
    }

    [Fact]
    public async Task Of_a_queue_in_an_annotation_it_is_told_and_not_asked_for()
    {
        var before = await ReconnectsAsync();
        await _gateway.SystemAsync(
            HttpMethod.Post,
            "functions",
            new
            {
                service = "scaled",
                image = "none",
                envProcess = "cat",
                labels = new Dictionary<string, string> { ["com.openfaas.scale.type"] = "queue" },
                annotations = new Dictionary<string, string> { ["com.openfaas.queue"] = Long },
            },
            HttpStatusCode.Accepted);

        await _gateway.Process.Process.LineAsync(
            line => line.Contains("A queue could not be looked at for its scaler", StringComparison.Ordinal) && line.Contains(Long, StringComparison.Ordinal), "it is told");
        await _gateway.SystemAsync(HttpMethod.Delete, "functions", new { functionName = "scaled" }, HttpStatusCode.Accepted);

        await _gateway.SystemJsonAsync("queues");
        Assert.Equal(before, await ReconnectsAsync());
    }

    private Task<double?> ReconnectsAsync() => _gateway.Process.MetricAsync("gateway_nats_reconnect_total");
}
