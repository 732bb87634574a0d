using System.Globalization;
using System.Runtime.CompilerServices;
using CsCheck;

namespace Connectors.Simulation.Tests;

[Collection(SimulationTests.OnePool)]
public sealed class SimulationTests
{
    /// <summary>Classes whose tests run one after the other, for there is one pool.</summary>
    internal const string OnePool = "one pool";

    private const string SeedName = "CONNECTORS_SIMULATION_SEED";

    private static readonly int Seeds = Number("CONNECTORS_SIMULATION_SEEDS") ?? (Environment.GetEnvironmentVariable("CONNECTORS_LONG_TESTS") == "1" ? 10_000 : 500);

    [Fact]
    public Task Every_promise_holds_whatever_breaks() => OutsideThePoolAsync(() =>
    {
        foreach (var number in Number(SeedName) is { } only ? [only] : Enumerable.Range(0, Seeds))
        {
            var seed = Seed(number);
            var text = seed.ToString(seed.State);
            if (Broken(Plan.Any.Generate(seed, null, out _)) is { Length: > 0 } broken)
            {
                TestContext.Current.TestOutputHelper!.WriteLine(
                    $"Seed {number} breaks a promise. To run it again: {SeedName}={number} ./test simulation\n{broken}\nThe smallest plan like it is told by the exception.");
                Plan.Any.Sample(plan => Assert.Equal("", Broken(plan)), seed: text, iter: 2000, threads: 1);
            }
        }
    });

    [Fact]
    public Task A_seed_means_one_order() => OutsideThePoolAsync(() =>
    {
        for (var number = 0; number < 20; number++)
        {
            var plan = Plan.Any.Generate(Seed(number), null, out _);
            Assert.Equal(Simulation.Run(plan).History, Simulation.Run(plan).History);
        }
    });

    [Fact]
    public Task What_a_dead_process_waits_for_never_comes() => OutsideThePoolAsync(() =>
    {
        var world = new World(seed: 0);
        var hasCome = new StrongBox<bool>();
        Die();
        Assert.Null(world.Run());

        GC.Collect();
        GC.WaitForPendingFinalizers();

        Assert.False(hasCome.Value);
        GC.KeepAlive(world);

        [MethodImpl(MethodImplOptions.NoInlining)]
        void Die()
        {
            var process = new Process(world, "worker-1");
            _ = WaitAsync(process);
            world.At(TimeSpan.FromSeconds(0.5), process.Kill);
        }

        async Task WaitAsync(Process process)
        {
            using var stopping = new CancellationTokenSource();
            using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1), process);
            await timer.WaitForNextTickAsync(stopping.Token);
            hasCome.Value = true;
        }
    });

    // While a function's consumer is asked with the last slot, a message of another one is due again: nothing is to be done before the answer.
    [Fact]
    public Task A_worker_rests_while_a_consumer_is_asked_and_another_message_is_due() => OutsideThePoolAsync(() =>
    {
        var retried = new CallPlan(0, 0, false, [new Answer(500, 5), new Answer(200, 5)], [], -1, -1, -1);
        var asked = retried with { At = 150, Function = 1, Answers = [new Answer(200, 5)] };
        var silence = new Fault(FaultKind.LinkStalled, At: 149, Effect: 0, Span: 1000, Worker: 0, Which: 0);
        Assert.Equal("", Broken(new Plan(1, IsFunctionMode: true, Workers: 1, Slots: 1, [retried, asked], [silence])));
    });

    private static string Broken(Plan plan) => string.Join("\n", Simulation.Run(plan).Broken);

    private static PCG Seed(int number) => new(1, (ulong)number);

    private static int? Number(string name) => int.TryParse(Environment.GetEnvironmentVariable(name), CultureInfo.InvariantCulture, out var number) ? number : null;

    // The pool's one thread is for what is simulated.
    internal static Task OutsideThePoolAsync(Action test) =>
        Task.Factory.StartNew(test, TestContext.Current.CancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default);
}
