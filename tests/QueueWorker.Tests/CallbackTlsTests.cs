using Connectors.Testing;

namespace Connectors.QueueWorker.Tests;

/// <summary>Callbacks to receivers whose certificates an authority signed that is not everybody's.</summary>
public sealed class CallbackTlsTests(SharedNats nats) : IClassFixture<SharedNats>, IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("callback-tls-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task One_that_nobody_vouches_for_gets_none_and_is_tried_again()
    {
        await using var receiver = await HttpsServer.StartAsync(new TestCertificates(_folder.FullName), _ => Task.CompletedTask);
        await using var bench = await Bench.StartAsync(server: nats.Server);

        await bench.EnqueueAsync(Bench.Call() with { Callback = receiver.Url.AbsoluteUri });

        await Eventually.HoldsAsync(
            async () => await bench.Worker.MetricAsync($"queue_worker_callback_attempts_total{{queue_name=\"{bench.Queue}\",outcome=\"unreachable\"}}") >= 2, "it was tried twice");
        Assert.Empty(receiver.Requests);
    }

    [Theory]
    [InlineData("tls_insecure")]
    [InlineData("SSL_CERT_FILE")]
    public async Task One_whose_authority_is_named_gets_its_callback_and_so_does_any_if_the_operator_says_so(string option)
    {
        var certificates = new TestCertificates(_folder.FullName);
        await using var receiver = await HttpsServer.StartAsync(certificates, _ => Task.CompletedTask);
        await using var bench = await Bench.StartAsync(options: new() { [option] = option == "tls_insecure" ? "true" : certificates.Authority }, server: nats.Server);

        await bench.EnqueueAsync(Bench.Call() with { Callback = new Uri(receiver.Url, "told").AbsoluteUri });
        await bench.IsEmptyAsync();

        Assert.Equal(["/told"], receiver.Requests.Select(request => request.Path));
    }
}
