using System.Globalization;
using System.Net;
using System.Text;
using Connectors.QueueWorker;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;

namespace Connectors.Simulation.Tests;

/// <summary>One worker in function mode, and what becomes of single messages over more minutes than a test could wait.</summary>
[Collection(SimulationTests.OnePool)]
public sealed class OneWorkerTests
{
    private const string Queue = "q";
    private static readonly FunctionName Function = new("fn", "ns");

    [Fact]
    public Task A_call_whose_handling_throws_is_tried_some_more_times_and_ends_as_one_that_cannot_be_handled() => SimulationTests.OutsideThePoolAsync(() =>
    {
        var scene = new Scene(new ThrowingRandom());
        scene.At(TimeSpan.FromSeconds(1), () => scene.Store(StreamNames.CallSubject(Queue, Priority.Normal, Function), scene.Call()));

        scene.Run(TimeSpan.FromMinutes(3));

        Assert.Equal(5, scene.Sends.Count);
        Assert.All(scene.Sends.Zip(scene.Sends.Skip(1)), sends => Assert.True(sends.Second - sends.First >= TimeSpan.FromSeconds(5), $"{sends}"));
        var dead = Assert.Single(scene.Dead);
        Assert.Equal(DeadReasons.Foreign, dead.Reason);
        Assert.StartsWith($"it cannot be handled: {ThrowingRandom.Fault}", dead.Error, StringComparison.Ordinal);
        Assert.Equal(0, scene.Waiting);
    });

    // What is remembered of a subject without work goes, all of it, so that it is found anew.
    [Fact]
    public Task What_stands_on_no_functions_subject_is_found_again_after_that_was_forgotten() => SimulationTests.OutsideThePoolAsync(() =>
    {
        var scene = new Scene(new Random(0));
        TimeSpan[] stored = [TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(11), TimeSpan.FromMinutes(22)];
        foreach (var at in stored)
        {
            scene.At(at, () => scene.Store($"{Queue}.call.odd", "Made-By: somebody"));
        }

        scene.Run(TimeSpan.FromMinutes(24));

        Assert.Equal(stored.Select(_ => DeadReasons.Foreign), scene.Dead.Select(dead => dead.Reason));
        Assert.Equal(0, scene.Waiting);
    });

    [Fact]
    public Task A_function_that_was_forgotten_has_its_calls_run_again() => SimulationTests.OutsideThePoolAsync(() =>
    {
        var scene = new Scene(new Random(0)) { Status = 200 };
        TimeSpan[] stored = [TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(11)];
        foreach (var at in stored)
        {
            scene.At(at, () => scene.Store(StreamNames.CallSubject(Queue, Priority.Normal, Function), scene.Call()));
        }

        scene.Run(TimeSpan.FromMinutes(13));

        Assert.Equal(stored.Length, scene.Sends.Count);
        Assert.Empty(scene.Dead);
        Assert.Equal(0, scene.Waiting);
    });

    // A function whose answer nothing ends, neither the limit of a call nor a lease: a worker that is full of such takes nothing any more, and is to be replaced.
    [Fact]
    public async Task A_worker_whose_slots_all_hold_work_over_its_limit_is_not_ready_until_one_is_free()
    {
        // A copy written again, a send of a minute, five minutes for a result that is told directly and 30 s for its last POST, three records; each is written for ten leases.
        var limit = TimeSpan.FromMinutes(1 + 5 + 0.5 + (4 * 5));
        var (before, after, freed) = ("unseen", "unseen", "unseen");
        await SimulationTests.OutsideThePoolAsync(() =>
        {
            var scene = new Scene(new Random(0)) { NeverAnswers = true };
            scene.At(TimeSpan.FromSeconds(1), () =>
            {
                for (var i = 0; i < Scene.Slots; i++)
                {
                    scene.Store(StreamNames.CallSubject(Queue, Priority.Normal, Function), scene.Call());
                }
            });
            scene.AllTaken = at =>
            {
                scene.At(at + limit - TimeSpan.FromSeconds(1), () => before = scene.Stuck);
                scene.At(at + limit + TimeSpan.FromSeconds(10), () => after = scene.Stuck);
                scene.At(at + limit + TimeSpan.FromSeconds(11), () => scene.Unanswered[0].SetResult(new HttpResponseMessage(HttpStatusCode.OK)));
                scene.At(at + limit + TimeSpan.FromSeconds(17), () => freed = scene.Stuck);
            };

            scene.Run(TimeSpan.FromMinutes(30));
        });

        Assert.Equal(("", "slots of calls: all of them hold work that is over its limit", ""), (before, after, freed));
        Assert.InRange(await OverdueAsync(), 190, 210);
    }

    private static async Task<double> OverdueAsync()
    {
        const string Start = $"queue_worker_overdue_seconds{{queue_name=\"{Queue}\",work=\"calls\"}} ";
        using var text = new MemoryStream();
        await Prometheus.Metrics.DefaultRegistry.CollectAndExportAsTextAsync(text);
        return double.Parse(Encoding.UTF8.GetString(text.ToArray()).Split('\n').Single(line => line.StartsWith(Start, StringComparison.Ordinal))[Start.Length..], CultureInfo.InvariantCulture);
    }

    private sealed class Scene
    {
        public const int Slots = 2;

        private readonly World _world = new(seed: 1);
        private readonly Broker _broker;
        private readonly QueueWorkerOptions _options = QueueWorkerOptions.Read(new Settings(new Dictionary<string, string>
        {
            ["queue_name"] = Queue,
            ["scaling_mode"] = "function",
            ["max_inflight"] = $"{Slots}",
            ["limiter_enabled"] = "false",
            ["backoff"] = "full",
            ["history"] = "off",
        }));

        private int _calls;
        private Worker? _worker;

        public Scene(Random random)
        {
            _broker = new Broker(_world);
            At(TimeSpan.Zero, () => Begin(random));
        }

        /// <summary>What the function answers.</summary>
        public int Status { get; init; } = 500;

        /// <summary>Whether it answers by <see cref="Unanswered"/> alone, whatever becomes of who asked.</summary>
        public bool NeverAnswers { get; init; }

        public List<TaskCompletionSource<HttpResponseMessage>> Unanswered { get; } = [];

        /// <summary>Called when the function first has as many calls as there are slots.</summary>
        public Action<TimeSpan>? AllTaken { get; set; }

        /// <summary>What the worker says of its slots; empty for nothing.</summary>
        public string Stuck => string.Join("; ", _worker!.Unmet.Where(condition => condition.StartsWith("slots of ", StringComparison.Ordinal)));

        /// <summary>When the function was called.</summary>
        public List<TimeSpan> Sends { get; } = [];

        public IReadOnlyList<Biography> Dead => [.. _broker.Find(StreamNames.Dead(Queue))!.Messages.Values.Select(message => Biography.TryDecode(message.Header(Biography.HeaderName))!)];

        /// <summary>Messages in the stream of calls.</summary>
        public int Waiting => _broker.Find(StreamNames.Calls(Queue))!.Messages.Count;

        public void At(TimeSpan at, Action happen) => _world.At(at, happen);

        /// <summary>The header of one more call.</summary>
        public string Call()
        {
            var id = $"call-{_calls++}";
            var envelope = new Envelope { CallId = id, DeliveryId = id, Function = Function.Name, Namespace = Function.Namespace, Submitted = _world.Now };
            return $"{EnvelopeCodec.HeaderName}: {EnvelopeCodec.Encode(envelope)}";
        }

        public void Store(string subject, string header) => _broker.Find(StreamNames.Calls(Queue))!.Store(subject, null, $"NATS/1.0\r\n{header}\r\n\r\n", default);

        public void Run(TimeSpan until)
        {
            At(until, _world.End);
            Assert.Null(_world.Run());
        }

        private void Begin(Random random)
        {
            foreach (var shape in StreamShape.All(Queue, _options.Limits))
            {
                var isCalls = shape.Name == StreamNames.Calls(Queue);
                _broker.Create(StreamSetup.ConfigOf(isCalls ? shape with { Mode = "function", Hints = StreamNames.Hints(Queue) } : shape));
            }

            var process = new Process(_world, "worker-1");
            _worker = new Worker(_world, _broker, process, _options, new Functions(this, process), new Functions(this, process), random);
        }

        private sealed class Functions(Scene scene, Process process) : HttpMessageHandler
        {
            protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
            {
                if (scene.NeverAnswers)
                {
                    scene.Sends.Add(scene._world.Elapsed);
                    scene.Unanswered.Add(new TaskCompletionSource<HttpResponseMessage>(TaskCreationOptions.RunContinuationsAsynchronously));
                    if (scene.Sends.Count == Slots)
                    {
                        scene.AllTaken?.Invoke(scene._world.Elapsed);
                    }

                    return scene.Unanswered[^1].Task;
                }

                return Exchange.Ask(
                    scene._world,
                    process,
                    new Answer(scene.Status, 5),
                    _ =>
                    {
                        scene.Sends.Add(scene._world.Elapsed);
                        return () => { };
                    },
                    cancellationToken);
            }
        }
    }

    /// <summary>A fault of ours while a verdict is made: the wait before the next send is to be drawn.</summary>
    private sealed class ThrowingRandom : Random
    {
        public const string Fault = "a fault of ours";

        public override double NextDouble() => throw new InvalidCastException(Fault);
    }
}
