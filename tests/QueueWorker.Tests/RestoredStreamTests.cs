using Connectors.Testing;

namespace Connectors.QueueWorker.Tests;

/// <summary>Streams that are put back as they were while their worker goes on: what it acked lies there again, under the same number and time, and is to be done again.</summary>
public sealed class RestoredStreamTests(SharedNats nats) : IClassFixture<SharedNats>
{
    [Theory]
    [InlineData("static")]
    [InlineData("function")]
    public async Task Calls_that_are_restored_run(string mode)
    {
        await using var bench = await Bench.StartAsync(options: new() { ["scaling_mode"] = mode }, server: nats.Server);
        await bench.PauseAsync();
        await Bench.PausedAsync(bench.Worker);
        for (var i = 0; i < 3; i++)
        {
            await bench.EnqueueAsync();
        }

        var backup = await StreamBackup.TakeAsync(nats.Server, bench.Calls);
        await bench.ResumeAsync();
        await bench.Http.ReceivesAsync(3);
        await RestoreAsync(bench, bench.Calls, backup);

        await bench.Http.ReceivesAsync(6);
        await bench.IsEmptyAsync();
        Assert.Equal(6, bench.Sends.Count);
    }

    // Within the window the stream of calls would know the call that comes back again.
    [Fact]
    public async Task Calls_put_aside_that_are_restored_come_back()
    {
        await using var bench = await Bench.StartAsync(options: new() { ["nats_duplicate_window"] = "100ms" }, server: nats.Server);
        await bench.PauseAsync(Bench.Echo);
        await Bench.PausedAsync(bench.Worker);
        await bench.EnqueueAsync();
        await bench.HoldsAsync(bench.Aside, 1);

        var backup = await StreamBackup.TakeAsync(nats.Server, bench.Aside);
        await bench.ResumeAsync(Bench.Echo);
        await bench.Http.ReceivesAsync(1);
        await RestoreAsync(bench, bench.Aside, backup);

        await bench.Http.ReceivesAsync(2);
        await bench.IsEmptyAsync();
        Assert.Equal(2, bench.Sends.Count);
    }

    [Fact]
    public async Task Callbacks_that_are_restored_are_posted()
    {
        var isUp = false;
        await using var bench = await Bench.StartAsync(
            (request, http) =>
            {
                http.Response.StatusCode = request.Path.StartsWith("/function/", StringComparison.Ordinal) || Volatile.Read(ref isUp) ? 200 : 503;
                return Task.CompletedTask;
            },
            server: nats.Server);
        await bench.EnqueueAsync(Bench.Call() with { Callback = bench.CallbackUrl.ToString() });
        await Eventually.HoldsAsync(() => bench.Posts.Count > 0, "it is posted");

        var backup = await StreamBackup.TakeAsync(nats.Server, bench.Callbacks);
        Volatile.Write(ref isUp, true);
        await bench.HoldsAsync(bench.Callbacks, 0);
        var posted = bench.Posts.Count;
        await RestoreAsync(bench, bench.Callbacks, backup);

        await Eventually.HoldsAsync(() => bench.Posts.Count > posted, () => $"it is posted again; the worker wrote:\n{bench.Worker.Process.Tail()}");
        await bench.IsEmptyAsync();
        Assert.Single(bench.Sends);
    }

    // Once the worker has seen the stream empty. It stands still meanwhile: it would make the stream anew, and the server take none that is there.
    private async Task RestoreAsync(Bench bench, string stream, StreamBackup backup)
    {
        await bench.IsEmptyAsync();

        // It looks at one stream after the other: at the calls, for which it asks up to four times, then at callbacks, dead letters and what lies aside. With the
        // last of these requests it has looked at the stream, and is not about to.
        var (next, requests) = stream == bench.Aside ? (bench.Calls, 5) : (bench.Dead, 2);
        await using var looks = await bench.Connection.SubscribeCoreAsync<string>($"$JS.API.STREAM.INFO.{next}");
        await bench.Connection.PingAsync();
        for (var heard = 0; heard < requests; heard++)
        {
            await looks.Msgs.ReadAsync().AsTask().WaitAsync(Eventually.Patience);
        }

        bench.Worker.Process.Pause();
        await bench.JetStream.DeleteStreamAsync(stream);
        await backup.RestoreAsync(nats.Server);
        bench.Worker.Process.Resume();
    }
}
