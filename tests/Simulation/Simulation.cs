using System.Collections.Concurrent;
using Connectors.QueueWorker;
using Connectors.QueueWorker.Consuming;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using NATS.Client.JetStream.Models;

namespace Connectors.Simulation.Tests;

/// <summary>One run of a <see cref="Plan"/>: workers, broker, functions and receivers, from the first accept until all is quiet.</summary>
internal sealed class Simulation
{
    public const int MaxAttempts = 3;
    public static readonly TimeSpan CallbackTimeout = TimeSpan.FromSeconds(3);
    public static readonly TimeSpan UpstreamTimeout = TimeSpan.FromSeconds(5);
    private const string Queue = "q";

    // Far longer than anything takes: ten times ack_wait for a write that is refused, five seconds for a bucket that is silent.
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    private readonly Plan _plan;
    private readonly World _world;
    private readonly Broker _broker;
    private readonly Ledger _ledger;
    private readonly QueueWorkerOptions _options;
    private readonly List<Worker> _workers = [];
    private readonly List<Worker> _leaving = [];
    private int _open;
    private int _processes;

    private Simulation(Plan plan)
    {
        _plan = plan;
        _world = new World(plan.Seed);
        _ledger = new Ledger(_world);
        _broker = new Broker(_world) { Stored = _ledger.Stored };
        _options = Options(plan);
    }

    public static Verdict Run(Plan plan)
    {
        var simulation = new Simulation(plan);
        simulation._world.After(TimeSpan.Zero, simulation.Begin);
        if (simulation._world.Run() is { } fault)
        {
            simulation._ledger.Break($"nothing spins or throws where nobody catches it: {fault}");
        }

        return new Verdict(simulation._ledger.Judge(simulation._broker, Queue), simulation._world.History, simulation._world.Elapsed);
    }

    private static readonly ConcurrentDictionary<(bool, int), QueueWorkerOptions> Read = new();

    private static QueueWorkerOptions Options(Plan plan) => Read.GetOrAdd((plan.IsFunctionMode, plan.Slots), _ => QueueWorkerOptions.Read(new Settings(new Dictionary<string, string>
    {
        ["queue_name"] = Queue,
        ["scaling_mode"] = plan.IsFunctionMode ? "function" : "static",
        ["max_inflight"] = $"{plan.Slots}",
        ["callback_max_inflight"] = $"{plan.Slots}",
        ["ack_wait"] = "1s",
        ["consumer_inactive_threshold"] = "4s",
        ["upstream_timeout"] = GoDuration.Format(UpstreamTimeout),
        ["max_retry_attempts"] = $"{MaxAttempts}",
        ["initial_retry_wait"] = "200ms",
        ["max_retry_wait"] = "1s",
        ["callback_timeout"] = GoDuration.Format(CallbackTimeout),
        ["callback_initial_wait"] = "300ms",
        ["callback_max_wait"] = "1s",
        ["callback_max_age"] = "10s",
        ["grace_period"] = "2s",
        ["history"] = "off",
    })));

    private void Begin()
    {
        foreach (var shape in StreamShape.All(Queue, _options.Limits))
        {
            var config = StreamSetup.ConfigOf(shape);
            if (shape.Name == StreamNames.Calls(Queue))
            {
                config.Metadata = new Dictionary<string, string> { [StreamNames.ModeKey] = _plan.IsFunctionMode ? "function" : "static" };
                config.Republish = _plan.IsFunctionMode ? new Republish { Src = shape.Subjects, Dest = StreamNames.Hints(Queue), HeadersOnly = true } : null;
            }

            _broker.Create(config);
        }

        // Workers find what others made before. What is deleted meanwhile they make themselves, and in function mode all of it.
        if (!_plan.IsFunctionMode)
        {
            Ensure(StreamNames.Calls(Queue), StreamNames.StaticHigh, StreamNames.CallSubjects(Queue, Priority.High));
            Ensure(StreamNames.Calls(Queue), StreamNames.StaticNormal, StreamNames.CallSubjects(Queue, Priority.Normal));
        }

        Ensure(StreamNames.Callbacks(Queue), StreamNames.CallbackConsumer, StreamNames.CallbackSubjects(Queue));

        for (var i = 0; i < _plan.Workers; i++)
        {
            _workers.Add(Start());
        }

        for (var i = 0; i < _plan.Calls.Length; i++)
        {
            var (call, number) = (_plan.Calls[i], i);
            Later(call.At, () => Accept(call, number));
        }

        foreach (var fault in _plan.Faults)
        {
            Later(fault.At, () => Await(fault));
        }

        _world.After(TimeSpan.FromMilliseconds(100), Watch);
    }

    private void Ensure(string stream, string consumer, string filter) =>
        _broker.Find(stream)!.EnsureConsumer(ConsumerShape.Shared(consumer, filter, _options.Consuming.AckWait));

    private Worker Start()
    {
        _ledger.HasReplaced |= _workers.Count == _plan.Workers;
        var process = new Process(_world, $"worker-{++_processes}");
        var worker = new Worker(
            _world, _broker, process, _options, new SimulatedFunctions(_world, process, _ledger), new SimulatedReceivers(_world, process, _ledger), new Random(_world.Random.Next()));
        worker.Connection.Acks = (stream, sequence) => _ledger.Acks(process.Name, stream, sequence);
        return worker;
    }

    // The run is not quiet before it has happened.
    private void Later(int milliseconds, Action happen)
    {
        _open++;
        _world.After(TimeSpan.FromMilliseconds(milliseconds), () =>
        {
            _open--;
            happen();
        });
    }

    private void Accept(CallPlan plan, int number)
    {
        var id = $"call-{number}";
        var function = new FunctionName($"fn{plan.Function}", "ns");
        var due = plan.Delay >= 0 ? _world.Now + TimeSpan.FromMilliseconds(plan.Delay) : (DateTimeOffset?)null;
        var envelope = new Envelope
        {
            CallId = id,
            DeliveryId = id,
            Function = function.Name,
            Namespace = function.Namespace,
            Submitted = _world.Now,
            Due = due,
            NotBefore = due,
            Deadline = plan.ExpiresAfter >= 0 ? _world.Now + TimeSpan.FromMilliseconds(plan.ExpiresAfter) : null,
            Callback = plan.Callback.Length > 0 ? "http://receiver.test/" : null,
            Priority = plan.IsHigh ? Priority.High : Priority.Normal,
            StoreResult = number % 4 == 0 ? TimeSpan.FromHours(1) : null,
        };
        _ledger.Accept(id, plan, storesResult: envelope.StoreResult is not null);
        var (stream, subject) = due is { } at
            ? (StreamNames.Aside(Queue), StreamNames.AsideSubject(Queue, AsideGroup.At(at), envelope.Priority, function))
            : (StreamNames.Calls(Queue), StreamNames.CallSubject(Queue, envelope.Priority, function));
        _broker.Find(stream)!.Store(subject, null, $"NATS/1.0\r\n{EnvelopeCodec.HeaderName}: {EnvelopeCodec.Encode(envelope)}\r\n\r\n", default);
        if (plan.CancelAfter >= 0)
        {
            Later(plan.CancelAfter, () =>
            {
                _ledger.Cancel(id);
                _broker.Bucket(StreamNames.Cancelled).Put(StreamNames.Token(id), new Cancellation(_world.Now).Encode());
            });
        }
    }

    // By the clock, or at an effect of its worker; there, what is not a kill happens to what is on its way, or once that has arrived.
    private void Await(Fault fault)
    {
        var worker = WorkerOf(fault);
        if (fault.Effect < 0)
        {
            Happen(fault, worker);
            return;
        }

        var isAfter = fault.Effect % 2 == 1;
        var hasHappened = false;
        _open++;
        _world.After(TimeSpan.FromSeconds(3), Now);
        worker.Process.AtEffect(1 + (fault.Effect / 2), isAfter, fault.Kind == FaultKind.Killed ? Now : () => _world.After(TimeSpan.FromMilliseconds(isAfter ? 2 : 0), Now));

        void Now()
        {
            if (!hasHappened)
            {
                hasHappened = true;
                _open--;
                Happen(fault, fault.Kind == FaultKind.Killed ? worker : WorkerOf(fault));
            }
        }
    }

    private Worker WorkerOf(Fault fault) => _workers[fault.Worker % _workers.Count];

    private void Happen(Fault fault, Worker worker)
    {
        var span = TimeSpan.FromMilliseconds(fault.Span);
        switch (fault.Kind)
        {
            case FaultKind.Killed when !worker.Process.IsDead:
                worker.Process.Kill();
                Lasts(fault, () =>
                {
                    // A new process takes the dead one's place, unless one has.
                    if (_workers.IndexOf(worker) is var place and >= 0)
                    {
                        _workers[place] = Start();
                    }
                });
                break;
            case FaultKind.Stopped:
                worker.Process.Stop(span);
                Lasts(fault, () => { });
                break;
            case FaultKind.Restarted:
                var draining = _ledger.Begin();
                _workers[_workers.IndexOf(worker)] = Start();
                _leaving.Add(worker);
                worker.Stop();
                Until(() => worker.HasStopped || worker.Process.IsDead, () => draining.To = _world.Elapsed);
                break;
            case FaultKind.LinkCut:
                worker.Connection.Cut();
                Lasts(fault with { Span = 0 }, () => { });
                break;
            case FaultKind.LinkStalled:
                worker.Connection.Stall(span);
                Lasts(fault, () => { });
                break;
            case FaultKind.BrokerRestarted when !_broker.IsDown:
                _broker.GoDown();
                Lasts(fault, _broker.ComeUp);
                break;
            case FaultKind.ConsumerDeleted:
                foreach (var stream in new[] { StreamNames.Calls(Queue), StreamNames.Callbacks(Queue) }.Select(name => _broker.Find(name)!))
                {
                    foreach (var consumer in stream.Consumers.Keys.Where((_, i) => (i + fault.Which) % 2 == 0).ToList())
                    {
                        stream.Delete(consumer);
                    }
                }

                Lasts(fault with { Span = 0 }, () => { });
                break;
            case FaultKind.Paused:
                var function = fault.Which < Plan.Functions ? fault.Which : Ledger.Queue;
                var key = Pause.Key(Queue, function == Ledger.Queue ? null : new FunctionName($"fn{function}", "ns"));
                _ledger.Pause(function);
                _broker.Bucket(StreamNames.Paused).Put(key, new Pause { At = _world.Now }.Encode());
                Later(fault.Span, () =>
                {
                    _ledger.Resume(function);
                    _broker.Bucket(StreamNames.Paused).Put(key, null);
                });
                break;
            case FaultKind.StreamRefuses:
                var shapes = StreamShape.All(Queue, _options.Limits);
                var refusing = _broker.Find(shapes[fault.Which % shapes.Count].Name)!;
                _ledger.HasRefused = true;
                refusing.Mood = (Mood)(1 + (fault.Which / shapes.Count % 4));
                Lasts(fault, () => refusing.Mood = Mood.Takes);
                break;
        }
    }

    private void Lasts(Fault fault, Action mend)
    {
        var span = _ledger.Begin();
        Later(fault.Span, () =>
        {
            span.To = _world.Elapsed;
            mend();
        });
    }

    private void Until(Func<bool> condition, Action happen)
    {
        _open++;
        Look();

        void Look()
        {
            if (condition())
            {
                _open--;
                happen();
            }
            else
            {
                _world.After(TimeSpan.FromMilliseconds(50), Look);
            }
        }
    }

    // Quiet: all has happened, nothing is left in a stream that a worker takes from, and none runs what another has ended meanwhile.
    private void Watch()
    {
        string[] taken = [StreamNames.Calls(Queue), StreamNames.Callbacks(Queue), StreamNames.Aside(Queue)];
        if (_world.Elapsed > Limit)
        {
            _world.End();
        }
        else if (_open == 0 && taken.All(stream => _broker.Find(stream)!.Messages.Count == 0) && _workers.All(worker => worker.IsIdle))
        {
            _workers.ForEach(worker => worker.Stop());
            Until(() => _workers.All(worker => worker.HasStopped) || _world.Elapsed > Limit, Finish);
        }
        else
        {
            _world.After(TimeSpan.FromMilliseconds(100), Watch);
        }
    }

    // A worker that has stopped holds nothing any more.
    private void Finish()
    {
        foreach (var worker in _workers.Concat(_leaving.Where(worker => worker.HasStopped || !worker.Process.IsDead)))
        {
            if (!worker.HasStopped)
            {
                _ledger.Break($"a worker that is told to stop does: {worker.Process.Name}");
            }

            foreach (var (kind, free, count) in worker.Slots.Where(slots => slots.Free != slots.Count))
            {
                _ledger.Break($"every slot is free again: {worker.Process.Name} has {free} of {count} for {kind}");
            }

            if (worker.Watched > 0)
            {
                _ledger.Break($"nothing is kept of what has run: {worker.Process.Name} watches {worker.Watched} sends");
            }
        }

        _world.End();
    }
}

/// <summary>What came of a run.</summary>
/// <param name="Broken">Broken promises; none is as it should be.</param>
/// <param name="History">How many events there were, and their trace.</param>
/// <param name="Took">Virtual time.</param>
internal sealed record Verdict(IReadOnlyList<string> Broken, (long Events, long Trace) History, TimeSpan Took);
