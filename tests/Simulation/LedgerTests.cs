using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;

namespace Connectors.Simulation.Tests;

/// <summary>The ledger breaks each promise that is not kept, by its word: else a simulation that breaks none would say nothing.</summary>
[Collection(SimulationTests.OnePool)]
public sealed class LedgerTests
{
    private const string Another = "worker-2";

    private static readonly Dictionary<string, (string Promise, Action<Scene> Happen)> Cases = new()
    {
        ["a call that runs once and is called back"] = ("", scene => scene.Succeeds()),
        ["a run again after a fault"] = ("", scene =>
        {
            scene.Stored(0);
            scene.Runs(1);
            scene.Fault(1.2, 1.3);
            scene.Runs(2, worker: Another);
            scene.Told(3);
        }
        ),
        ["a run again"] = ("R2, R7 a call runs again only after a fault", scene =>
        {
            scene.Stored(0);
            scene.Runs(1);
            scene.Runs(2, worker: Another);
            scene.Told(3);
        }
        ),
        ["a run again long after a fault"] = ("R2, R7 a call runs again only after a fault", scene =>
        {
            scene.Fault(0, 0.1);
            scene.Stored(0);
            scene.Runs(5);
            scene.Runs(6, worker: Another);
            scene.Told(7);
        }
        ),
        ["a run beside one that runs in the same worker"] = ("R2 what a worker runs it does not run a second time meanwhile", scene =>
        {
            scene.Stored(0);
            scene.Fault(0.5, 0.6);
            scene.Begins(1);
            scene.Runs(2);
            scene.Told(3);
        }
        ),
        ["a run of what its worker acked"] = ("R7 what a worker acked it does not run again", scene =>
        {
            scene.Succeeds();
            scene.Fault(3, 3.1);
            scene.Runs(4);
        }
        ),
        ["a second attempt without a first"] = ("R5 an attempt follows the one before", scene =>
        {
            scene.Plan = Scene.Retried;
            scene.Stored(0, attempt: 2);
            scene.Runs(1, attempt: 2);
            scene.Told(3);
        }
        ),
        ["an attempt after the last"] = ("R5 a call that has ended is not sent again", scene =>
        {
            scene.Stored(0);
            scene.Runs(1);
            scene.Stored(1.5, attempt: 2);
            scene.Runs(2, attempt: 2);
            scene.Told(3);
        }
        ),
        ["a second attempt"] = ("", scene =>
        {
            scene.Plan = Scene.Retried;
            scene.Stored(0);
            scene.Runs(1, status: 500);
            scene.Stored(1.5, attempt: 2, notBefore: 1.8);
            scene.Runs(2, attempt: 2);
            scene.Told(3);
        }
        ),
        ["a run before its time"] = ("R12 a call that waits is not sent before its time", scene =>
        {
            scene.Plan = Scene.Retried;
            scene.Stored(0);
            scene.Runs(1, status: 500);
            scene.Stored(1.5, attempt: 2, notBefore: 2.5);
            scene.Runs(2, attempt: 2);
            scene.Told(3);
        }
        ),
        ["a run of what was cancelled"] = ("R13 a cancelled call is not run", scene =>
        {
            scene.Stored(0);
            scene.At(0.5, ledger => ledger.Cancel(Scene.Id));
            scene.Runs(1);
            scene.Told(3);
        }
        ),
        ["a run of what was cancelled just before"] = ("", scene =>
        {
            scene.Stored(0);
            scene.At(0.95, ledger => ledger.Cancel(Scene.Id));
            scene.Runs(1);
            scene.Told(3);
        }
        ),
        ["a run of what was cancelled, that a fault kept from being heard of"] = ("", scene =>
        {
            scene.Stored(0);
            scene.Fault(0.5, 0.9);
            scene.At(0.6, ledger => ledger.Cancel(Scene.Id));
            scene.Runs(1);
            scene.Told(3);
        }
        ),
        ["an answer long after its cancellation"] = ("R13 a call that runs when it is cancelled is aborted", scene =>
        {
            scene.Stored(0);
            scene.Begins(1);
            scene.At(1.5, ledger => ledger.Cancel(Scene.Id));
            scene.Answered(2);
            scene.Told(3);
        }
        ),
        ["a run whose time is over"] = ("a call whose time is over is not run", scene =>
        {
            scene.Plan = Scene.Once with { ExpiresAfter = 500 };
            scene.Stored(0);
            scene.Runs(1);
            scene.Told(3);
        }
        ),
        ["a run of a function that is paused"] = ("R21 what is paused does not run", scene =>
        {
            scene.Stored(0);
            scene.At(0.5, ledger => ledger.Pause(0));
            scene.Runs(1);
            scene.Told(3);
        }
        ),
        ["a run of a queue that is paused"] = ("R21 what is paused does not run", scene =>
        {
            scene.Stored(0);
            scene.At(0.5, ledger => ledger.Pause(Ledger.Queue));
            scene.Runs(1);
            scene.Told(3);
        }
        ),
        ["a run of a function that was resumed"] = ("", scene =>
        {
            scene.Stored(0);
            scene.At(0.5, ledger => ledger.Pause(0));
            scene.At(0.8, ledger => ledger.Resume(0));
            scene.Runs(1);
            scene.Told(3);
        }
        ),
        ["no callback"] = ("R4, R11 every end is told or its callback is a dead letter", scene =>
        {
            scene.Stored(0);
            scene.Runs(1);
            scene.Acked(2);
        }
        ),
        ["two callbacks"] = ("R8, R9 what the receiver has is posted again only after a fault", scene =>
        {
            scene.Stored(0);
            scene.Runs(1);
            scene.Recorded(1.1);
            scene.CallAcked(1.2);
            scene.Posts(2);
            scene.Posts(3);
            scene.Acked(4);
        }
        ),
        ["two callbacks over a fault"] = ("", scene =>
        {
            scene.Stored(0);
            scene.Runs(1);
            scene.Recorded(1.1);
            scene.CallAcked(1.2);
            scene.Posts(2);
            scene.Fault(2.1, 2.2);
            scene.Posts(3);
            scene.Acked(4);
        }
        ),
        ["a callback whose record was acked"] = ("R9 a record that a worker acked it does not post again", scene =>
        {
            scene.Succeeds();
            scene.Fault(3, 3.1);
            scene.Posts(4);
        }
        ),
        ["a callback before its time"] = ("R10 a callback that waits is not posted before its time", scene =>
        {
            scene.Stored(0);
            scene.Runs(1);
            scene.Recorded(1.1, notBefore: 3);
            scene.CallAcked(1.2);
            scene.Posts(2);
            scene.Acked(4);
        }
        ),
        ["a callback of what nobody answered"] = ("R4 a callback tells what the function answered", scene =>
        {
            scene.Stored(0);
            scene.Runs(1);
            scene.Recorded(1.1);
            scene.CallAcked(1.2);
            scene.Posts(2, status: 404);
            scene.Acked(3);
        }
        ),
        ["a callback of another end than the dead letter's"] = ("R4 a callback tells the call's end", scene =>
        {
            scene.At(0.5, ledger => ledger.Cancel(Scene.Id));
            scene.Stored(0);
            scene.Recorded(1.1);
            scene.Dies(1.2, DeadReasons.Cancelled, 0);
            scene.CallAcked(1.3);
            scene.Posts(2, status: 499, state: DeadReasons.Expired);
            scene.Acked(3);
        }
        ),
        ["a callback that is left"] = ("R9 every callback comes to its end", scene =>
        {
            scene.Stored(0);
            scene.Runs(1);
            scene.Recorded(1.1);
            scene.CallAcked(1.2);
        }
        ),
        ["a call that is left"] = ("every call comes to its end", scene =>
        {
            scene.Stored(0);
            scene.Runs(1);
        }
        ),
        ["a call that is gone"] = ("R6, R7 accepted = succeeded + dead, cancelled or expired + pending", scene =>
        {
            scene.Stored(0);
            scene.Acked(1);
        }
        ),
        ["a dead letter of a call that was cancelled"] = ("", scene => scene.Cancelled()),
        ["two dead letters"] = ("R6 a call has one dead letter at most", scene =>
        {
            scene.Cancelled();
            scene.Dies(3, DeadReasons.Cancelled, 0);
        }
        ),
        ["a dead letter of what succeeds"] = ("R6 a dead letter tells the call's end", scene =>
        {
            scene.Succeeds();
            scene.Dies(3, DeadReasons.Exhausted, 1);
        }
        ),
        ["a dead letter of a worker that nobody lost"] = ("R6 a dead letter tells the call's end", scene =>
        {
            scene.Succeeds();
            scene.Dies(3, DeadReasons.WorkerLost, 0);
        }
        ),
        ["a dead letter of a cancellation that nobody made"] = ("R6 a dead letter tells the call's end", scene =>
        {
            scene.Succeeds();
            scene.Dies(3, DeadReasons.Cancelled, 0);
        }
        ),
        ["two dead letters of a callback"] = ("R11 a callback has one dead letter at most", scene =>
        {
            scene.Stored(0);
            scene.Runs(1);
            scene.Acked(2);
            scene.Dies(3, DeadReasons.CallbackRefused, 1, "callback");
            scene.Dies(3, DeadReasons.CallbackRefused, 1, "callback");
        }
        ),
        ["a stored result"] = ("", scene =>
        {
            scene.StoresResult = true;
            scene.Result(1.05, StoredResult.Succeeded, 200);
            scene.Succeeds();
        }
        ),
        ["no stored result"] = ("R3 a stored result tells the call's end", scene =>
        {
            scene.StoresResult = true;
            scene.Succeeds();
        }
        ),
        ["a stored result of another end"] = ("R3 a stored result tells the call's end", scene =>
        {
            scene.StoresResult = true;
            scene.Result(1.05, DeadReasons.Exhausted, 500);
            scene.Succeeds();
        }
        ),
        ["a stored result that was overwritten by none"] = ("R3 a stored result tells the call's end", scene =>
        {
            scene.StoresResult = true;
            scene.Result(0, StoredResult.Queued, 0);
            scene.Succeeds();
        }
        ),
    };

    public static TheoryData<string> Names => [.. Cases.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public Task What_is_broken_is_told_by_its_word_and_nothing_else(string name) => SimulationTests.OutsideThePoolAsync(() =>
    {
        var (promise, happen) = Cases[name];
        var scene = new Scene();
        happen(scene);

        var broken = scene.Judge();

        if (promise.Length == 0)
        {
            Assert.Empty(broken);
        }
        else
        {
            Assert.Contains(broken, told => told.StartsWith(promise, StringComparison.Ordinal));
        }
    });

    private sealed class Scene
    {
        public const string Id = "call-0";
        private const string Queue = "q";
        private const string First = "worker-1";
        private static readonly FunctionName Function = new("fn0", "ns");

        private readonly World _world = new(seed: 0);
        private readonly Ledger _ledger;
        private readonly Broker _broker;
        private readonly TaskCompletionSource _answer = new();
        private Request? _running;
        private bool _isAccepted;

        public Scene()
        {
            _ledger = new Ledger(_world);
            _broker = new Broker(_world) { Stored = _ledger.Stored };
            foreach (var shape in StreamShape.All(Queue, new StreamLimits()))
            {
                _broker.Create(StreamSetup.ConfigOf(shape));
            }
        }

        /// <summary>A call that succeeds at once, and is called back.</summary>
        public static CallPlan Once { get; } = new(0, 0, IsHigh: false, [new Answer(200, 5)], [new Answer(200, 5)], CancelAfter: -1, ExpiresAfter: -1, Delay: -1);

        /// <summary>One that succeeds with its second attempt.</summary>
        public static CallPlan Retried { get; } = Once with { Answers = [new Answer(500, 5), new Answer(200, 5)] };

        public CallPlan Plan { get; set; } = Once;

        public bool StoresResult { get; set; }

        private AcceptedCall Call => _ledger[Id];

        public void At(double seconds, Action<Ledger> happen) => _world.At(TimeSpan.FromSeconds(seconds), () => happen(_ledger));

        /// <summary>It is stored among those that wait; the first time, it is accepted.</summary>
        public void Stored(double at, int attempt = 1, double? notBefore = null) => At(at, ledger =>
        {
            if (!_isAccepted)
            {
                _isAccepted = true;
                ledger.Accept(Id, Plan, StoresResult);
            }

            Store(StreamNames.Calls(Queue), StreamNames.CallSubject(Queue, Priority.Normal, Function), Header(attempt, notBefore));
        });

        /// <summary>The function begins to run it.</summary>
        public void Begins(double at) => At(at, ledger => ledger.Runs(Call, _running = new Request(First, 1, _world.Elapsed, _answer.Task)));

        /// <summary>The function answers what it began.</summary>
        public void Answered(double at) => At(at, ledger =>
        {
            ledger.Answers(Call, _running!, 200);
            _answer.SetResult();
        });

        /// <summary>The function runs it, and has answered at once.</summary>
        public void Runs(double at, int attempt = 1, string worker = First, int status = 200) => At(at, ledger =>
        {
            var run = new Request(worker, attempt, _world.Elapsed, Task.CompletedTask);
            ledger.Runs(Call, run);
            ledger.Answers(Call, run, status);
        });

        /// <summary>Its callback's record is stored.</summary>
        public void Recorded(double at, double? notBefore = null) => At(at, _ =>
        {
            var record = new CallbackRecord { Status = 200, Since = _world.Now, NotBefore = Time(notBefore) };
            Store(StreamNames.Callbacks(Queue), StreamNames.CallbackSubject(Queue, Function), $"{Header(1, null)}\r\n{CallbackRecord.HeaderName}: {record.Encode()}");
        });

        /// <summary>The first worker acks the call, as often as it is stored.</summary>
        public void CallAcked(double at) => Acked(at, StreamNames.Calls(Queue));

        /// <summary>The first worker acks whatever of it is stored then.</summary>
        public void Acked(double at)
        {
            CallAcked(at);
            Acked(at, StreamNames.Callbacks(Queue));
        }

        /// <summary>The receiver is posted to, and has it.</summary>
        public void Posts(double at, int status = 200, string? state = null) => At(at, ledger =>
        {
            ledger.Posts(Call, new Request(First, 1, _world.Elapsed, Task.CompletedTask), status, state);
            Call.Delivered = _world.Elapsed;
        });

        /// <summary>A dead letter is stored, of the call or its callback.</summary>
        public void Dies(double at, string reason, int attempts, string kind = "call") => At(at, _ =>
        {
            var biography = new Biography { Reason = reason, Attempts = attempts };
            Store(StreamNames.Dead(Queue), $"{Queue}.dead.{kind}.ns.fn0", $"{Header(1, null)}\r\n{Biography.HeaderName}: {biography.Encode()}");
        });

        /// <summary>Its result is written to the bucket.</summary>
        public void Result(double at, string state, int status) => At(at, _ =>
        {
            var result = new StoredResult { State = state, Status = status, Expires = _world.Now.AddHours(1) };
            _broker.Bucket(StreamNames.Results).Put(StreamNames.Token(Id), result.Encode([]));
        });

        public void Fault(double from, double to)
        {
            FaultSpan? span = null;
            At(from, ledger => span = ledger.Begin());
            At(to, _ => span!.To = _world.Elapsed);
        }

        /// <summary>It has run: it is acked, and told.</summary>
        public void Told(double at)
        {
            Recorded(at);
            CallAcked(at + 0.1);
            Posts(at + 0.2);
            Acked(at + 0.3);
        }

        public void Succeeds()
        {
            Stored(0);
            Runs(1);
            Told(1.1);
        }

        public void Cancelled()
        {
            Stored(0);
            At(0.5, ledger => ledger.Cancel(Id));
            Recorded(1);
            Dies(1.1, DeadReasons.Cancelled, 0);
            CallAcked(1.2);
            Posts(2, status: 499, state: DeadReasons.Cancelled);
            Acked(2.1);
        }

        public IReadOnlyList<string> Judge()
        {
            Assert.Null(_world.Run());
            return _ledger.Judge(_broker, Queue);
        }

        private void Acked(double at, string stream) => At(at, ledger =>
        {
            foreach (var sequence in _broker.Find(stream)!.Messages.Keys.ToList())
            {
                ledger.Acks(First, stream, sequence);
                _broker.Find(stream)!.Remove(sequence);
            }
        });

        private void Store(string stream, string subject, string headers) => _broker.Find(stream)!.Store(subject, null, $"NATS/1.0\r\n{headers}\r\n\r\n", default);

        private string Header(int attempt, double? notBefore)
        {
            var envelope = new Envelope
            {
                CallId = Id,
                DeliveryId = Id,
                Function = Function.Name,
                Namespace = Function.Namespace,
                Submitted = _world.Now,
                Attempt = attempt,
                NotBefore = Time(notBefore),
            };
            return $"{EnvelopeCodec.HeaderName}: {EnvelopeCodec.Encode(envelope)}";
        }

        private DateTimeOffset? Time(double? seconds) => seconds is { } at ? _world.Now - _world.Elapsed + TimeSpan.FromSeconds(at) : null;
    }
}
