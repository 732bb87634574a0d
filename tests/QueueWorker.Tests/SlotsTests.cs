using Connectors.QueueWorker.Consuming;
using Connectors.QueueWorker.Settling;
using Connectors.Sdk.Hosting;
using Connectors.Streams.Records;
using Connectors.Testing;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using NATS.Client.Core;

namespace Connectors.QueueWorker.Tests;

public sealed class SlotsTests(SharedNats nats) : IClassFixture<SharedNats>
{
    private static readonly QueueWorkerOptions Options = QueueWorkerOptions.Read(new Settings(new Dictionary<string, string>()));

    [Fact]
    public async Task Work_over_its_limit_shows_and_slots_are_stuck_when_all_of_them_hold_such_work()
    {
        await using var bench = await Bench.StartWithoutWorkerAsync(server: nats.Server);
        var time = new FakeTimeProvider();
        var handler = new Handler { Limit = TimeSpan.FromMinutes(1) };
        using var slots = SlotsOf(2, handler, time);

        Assert.Equal(2, await slots.TakeAsync(2, default));
        slots.Start(await DeliveryAsync(bench));
        time.Advance(TimeSpan.FromSeconds(61));
        Assert.Equal(TimeSpan.FromSeconds(1), slots.Overdue);
        Assert.False(slots.AreStuck);

        slots.Start(await DeliveryAsync(bench));
        time.Advance(TimeSpan.FromSeconds(61));
        Assert.Equal(TimeSpan.FromSeconds(62), slots.Overdue);
        Assert.True(slots.AreStuck);

        handler.Gate.SetResult();
        await slots.IdleAsync();
        await Eventually.HoldsAsync(() => !slots.AreStuck && slots.Overdue == TimeSpan.Zero, "nothing is over its limit");
    }

    [Fact]
    public async Task Whatever_throws_the_slot_is_free_afterwards()
    {
        await using var bench = await Bench.StartWithoutWorkerAsync(server: nats.Server);
        var handler = new Handler { Limit = TimeSpan.FromMinutes(1), Fault = new InvalidCastException("handled"), SecondFault = new InvalidCastException("failed") };
        using var slots = SlotsOf(1, handler, TimeProvider.System);
        handler.Gate.SetResult();

        Assert.True(slots.TryTake());
        slots.Start(await DeliveryAsync(bench), _ => throw new InvalidCastException("ended"), () => throw new InvalidCastException("freed"));
        await slots.IdleAsync();

        await Eventually.HoldsAsync(() => slots is { Free: 1, Running: 0 }, "the slot is free");
    }

    private static Slots SlotsOf(int count, Handler handler, TimeProvider time) => new(
        count, handler, new LeaseKeeper(Options, time, NullLogger<LeaseKeeper>.Instance), new Grace(default, default), time, NullLogger.Instance);

    private static async Task<Delivery> DeliveryAsync(Bench bench)
    {
        await bench.EnqueueAsync();
        var consumer = await bench.JetStream.CreateOrUpdateConsumerAsync(
            bench.Calls, StreamConsumer.Shared("test", StreamNames.CallSubjects(bench.Queue), TimeSpan.FromMinutes(5)));
        return new Delivery((await consumer.NextAsync(NatsRawSerializer<byte[]>.Default))!);
    }

    private sealed class Handler : IDeliveryHandler
    {
        public required TimeSpan Limit { get; init; }

        public Exception? Fault { get; init; }

        public Exception? SecondFault { get; init; }

        public TaskCompletionSource Gate { get; } = new();

        public async Task<Handled> HandleAsync(Delivery delivery, Grace grace)
        {
            await Gate.Task;
            return Fault is null ? new Handled() : throw Fault;
        }

        public Task NakAsync(Delivery delivery, CancellationToken ct) => Task.CompletedTask;

        public Task FailAsync(Delivery delivery, Exception fault, CancellationToken ct) => SecondFault is null ? Task.CompletedTask : throw SecondFault;
    }
}
