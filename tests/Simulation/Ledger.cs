using Connectors.Streams.Records;

namespace Connectors.Simulation.Tests;

/// <summary>
/// What the outside saw of each call, and what of it breaks a promise of docs/delivery-states.md. It knows the accepts, the wishes of callers and operators, the
/// function's runs, the receiver's POSTs, what the streams have stored and which of it was acked; nothing that a worker says of itself.
/// </summary>
internal sealed class Ledger(World world)
{
    // Between a fault and the last of what it does: leases end, acks that were held up arrive.
    private static readonly TimeSpan Aftermath = TimeSpan.FromSeconds(3);

    // Between a wish, or a time, and the last request that was on its way before: a hop, and the short wait of a call that came a little early.
    private static readonly TimeSpan Hearing = TimeSpan.FromMilliseconds(100);

    private readonly Dictionary<string, AcceptedCall> _calls = [];
    private readonly Dictionary<(string Stream, ulong Sequence), CallMessage> _messages = [];
    private readonly Dictionary<int, TimeSpan> _paused = [];
    private readonly List<FaultSpan> _faults = [];
    private readonly List<string> _broken = [];

    /// <summary>Stands for the queue where a function is paused.</summary>
    public const int Queue = -1;

    /// <summary>Whether a stream refused what was published.</summary>
    public bool HasRefused { get; set; }

    /// <summary>Whether a worker took another's place.</summary>
    public bool HasReplaced { get; set; }

    public AcceptedCall this[string deliveryId] => _calls[deliveryId];

    public void Accept(string deliveryId, CallPlan plan, bool storesResult) => _calls[deliveryId] = new AcceptedCall(deliveryId, plan, storesResult, world.Elapsed);

    /// <summary>A caller cancels a call.</summary>
    public void Cancel(string deliveryId) => _calls[deliveryId].Cancelled = world.Elapsed;

    /// <summary>A function is paused, or the <see cref="Queue"/>.</summary>
    public void Pause(int function) => _paused.TryAdd(function, world.Elapsed);

    public void Resume(int function) => _paused.Remove(function);

    /// <summary>A fault has begun; its end is known later.</summary>
    public FaultSpan Begin()
    {
        var span = new FaultSpan(world.Elapsed);
        _faults.Add(span);
        return span;
    }

    public void Break(string promise) => _broken.Add(promise);

    /// <summary>The function runs.</summary>
    public void Runs(AcceptedCall call, Request run)
    {
        var attempt = run.Attempt;
        world.Note(attempt);
        if (call.NotBefore.TryGetValue(attempt, out var notBefore) && world.Now < notBefore)
        {
            Break($"R12 a call that waits is not sent before its time: {call.DeliveryId}, attempt {attempt} ran {(notBefore - world.Now).TotalMilliseconds} ms early");
        }

        // What a fault left there twice, as itself and as its copy, may be run twice, however much later.
        var messages = call.Messages.Where(message => message.Kind == "call" && message.Attempt == attempt).ToList();
        if (call.Runs.LastOrDefault(earlier => earlier.Attempt == attempt) is { } before && !IsDisturbed(before.At) && call.Runs.Count(earlier => earlier.Attempt == attempt) >= messages.Count)
        {
            Break($"R2, R7 a call runs again only after a fault: {call.DeliveryId}, attempt {attempt} ran at {before.At} and at {world.Elapsed}");
        }

        var unacked = messages.Count(message => !message.AckedBy.Contains(run.Worker));
        if (unacked == 0)
        {
            Break($"R7 what a worker acked it does not run again: {call.DeliveryId}, attempt {attempt} at {world.Elapsed}");
        }
        else if (call.Runs.Count(earlier => earlier.Attempt == attempt && earlier.Worker == run.Worker && earlier.IsAwaited) >= unacked)
        {
            Break($"R2 what a worker runs it does not run a second time meanwhile: {call.DeliveryId}, attempt {attempt} at {world.Elapsed}");
        }

        if (attempt > 1 && call.Runs.All(earlier => earlier.Attempt != attempt - 1))
        {
            Break($"R5 an attempt follows the one before: {call.DeliveryId}, attempt {attempt} came first");
        }

        if (attempt > call.Plan.End.Attempt)
        {
            Break($"R5 a call that has ended is not sent again: {call.DeliveryId}, attempt {attempt}");
        }

        if (IsPast(call.Cancelled))
        {
            Break($"R13 a cancelled call is not run: {call.DeliveryId}, cancelled at {call.Cancelled}, ran at {world.Elapsed}");
        }

        if (IsPast(call.Deadline))
        {
            Break($"a call whose time is over is not run: {call.DeliveryId}, it was over at {call.Deadline}, ran at {world.Elapsed}");
        }

        foreach (var paused in new[] { call.Plan.Function, Queue })
        {
            if (_paused.TryGetValue(paused, out var since) && IsPast(since))
            {
                Break($"R21 what is paused does not run: {call.DeliveryId}, paused at {since}, ran at {world.Elapsed}");
            }
        }

        call.Runs.Add(run);
    }

    /// <summary>The function has answered.</summary>
    public void Answers(AcceptedCall call, Request run, int status)
    {
        run.Status = status;
        if (run.IsAwaited && IsPast(call.Cancelled))
        {
            Break($"R13 a call that runs when it is cancelled is aborted: {call.DeliveryId}, cancelled at {call.Cancelled}, answered at {world.Elapsed}");
        }
    }

    /// <summary>The receiver is posted to.</summary>
    public void Posts(AcceptedCall call, Request post, int functionStatus, string? state)
    {
        world.Note(functionStatus);
        if (call.Delivered is { } before && !IsDisturbed(before))
        {
            Break($"R8, R9 what the receiver has is posted again only after a fault: {call.DeliveryId} at {before} and at {world.Elapsed}");
        }

        if (call.Messages.Where(message => message.Kind == "callback").All(message => message.AckedBy.Contains(post.Worker)))
        {
            Break($"R9 a record that a worker acked it does not post again: {call.DeliveryId} at {world.Elapsed}");
        }

        if (call.PostNotBefore is { } notBefore && world.Now < notBefore && !IsDisturbed(call.Posts.LastOrDefault()?.At ?? TimeSpan.Zero))
        {
            Break($"R10 a callback that waits is not posted before its time: {call.DeliveryId}, {(notBefore - world.Now).TotalMilliseconds} ms early");
        }

        if (state is null && functionStatus is not (502 or 503 or 504) && call.Runs.All(run => run.Status != functionStatus))
        {
            Break($"R4 a callback tells what the function answered: {call.DeliveryId}, {functionStatus}");
        }

        call.Posts.Add(post);
        call.Told.Add(state);
    }

    /// <summary>A stream has stored something.</summary>
    public void Stored(BrokerStream stream, StoredMessage message)
    {
        if (EnvelopeCodec.TryDecode(message.Header(EnvelopeCodec.HeaderName), out _) is not { } envelope || !_calls.TryGetValue(envelope.DeliveryId, out var call))
        {
            return;
        }

        var subject = message.Subject.Split('.');
        var stored = new CallMessage(call, subject[1], envelope.Attempt);
        _messages[(stream.Name, message.Sequence)] = stored;
        call.Messages.Add(stored);
        switch (stored.Kind)
        {
            case "call" or "aside" when envelope.NotBefore is { } notBefore:
                call.NotBefore[envelope.Attempt] = notBefore;
                break;
            case "callback":
                call.PostNotBefore = CallbackRecord.TryDecode(message.Header(CallbackRecord.HeaderName))!.NotBefore;
                break;
            case "dead":
                var biography = Biography.TryDecode(message.Header(Biography.HeaderName))!;
                (subject[2] == "callback" ? call.DeadCallbacks : call.Dead).Add(new DeadLetter(biography.Reason, biography.Attempts, world.Elapsed));
                break;
        }
    }

    /// <summary>A worker acks a message.</summary>
    public void Acks(string worker, string stream, ulong sequence) => _messages.GetValueOrDefault((stream, sequence))?.AckedBy.Add(worker);

    /// <summary>What is broken, when all is quiet.</summary>
    public IReadOnlyList<string> Judge(Broker broker, string queue)
    {
        int succeeded = 0, dead = 0, pending = 0;
        string[] waiting = [StreamNames.Calls(queue), StreamNames.Aside(queue)];
        foreach (var call in _calls.Values)
        {
            if (_messages.Any(message => message.Value.Call == call && waiting.Contains(message.Key.Stream) && broker.Find(message.Key.Stream)!.Messages.ContainsKey(message.Key.Sequence)))
            {
                pending++;
                Break($"every call comes to its end: {call.DeliveryId} is still there");
            }
            else if (call.Dead.Count > 0)
            {
                dead++;
            }
            else if (call.Plan.End.Reason is null && call.Runs.Any(run => run.Attempt == call.Plan.End.Attempt && run.Status == 200))
            {
                succeeded++;
            }

            Judge(call);
            JudgeResult(call, broker);
        }

        if (_calls.Count != succeeded + dead + pending)
        {
            Break($"R6, R7 accepted = succeeded + dead, cancelled or expired + pending: {_calls.Count} = {succeeded} + {dead} + {pending}");
        }

        if (broker.Find(StreamNames.Callbacks(queue))!.Messages.Count is > 0 and var left)
        {
            Break($"R9 every callback comes to its end: {left} records are left");
        }

        return _broken;
    }

    private void Judge(AcceptedCall call)
    {
        if (call.Dead.Count > 1)
        {
            Break($"R6 a call has one dead letter at most: {call.DeliveryId} has {string.Join(", ", call.Dead)}");
        }

        foreach (var dead in call.Dead.Where(dead => !IsRight(call, dead)))
        {
            Break($"R6 a dead letter tells the call's end: {call.DeliveryId} has {dead}, its end is {call.Plan.End}");
        }

        if (call.Plan.Callback.Length > 0 && call.Delivered is null && call.DeadCallbacks.Count == 0)
        {
            Break($"R4, R11 every end is told or its callback is a dead letter: {call.DeliveryId}");
        }

        if (call.DeadCallbacks.Count > 1)
        {
            Break($"R11 a callback has one dead letter at most: {call.DeliveryId}");
        }

        // After a fault, the end that was written down first may be told, and the other be the dead letter.
        if (_faults.Count == 0 && call.Told.Find(state => state is not null) is { } told && call.Dead.All(dead => dead.Reason != told))
        {
            Break($"R4 a callback tells the call's end: {call.DeliveryId} is told to be {told}, and has {string.Join(", ", call.Dead)}");
        }
    }

    // After a fault the bucket may not have taken it, which only the worker knows.
    private void JudgeResult(AcceptedCall call, Broker broker)
    {
        if (!call.StoresResult || _faults.Count > 0)
        {
            return;
        }

        var stored = broker.Bucket(StreamNames.Results).Find(StreamNames.Token(call.DeliveryId))?.Value is { } value ? StoredResult.TryDecode(value, out _) : null;
        var end = call.Dead.Count > 0 ? call.Dead[0].Reason : StoredResult.Succeeded;
        if (stored is null || stored.State != end || (end == StoredResult.Succeeded && stored.Status != 200))
        {
            Break($"R3 a stored result tells the call's end: {call.DeliveryId} ended as {end}, its result is {stored?.State ?? "none"} {stored?.Status}");
        }
    }

    private bool IsRight(AcceptedCall call, DeadLetter dead) => dead.Reason switch
    {
        DeadReasons.Cancelled => call.Cancelled <= dead.At,
        DeadReasons.Expired => call.Deadline <= dead.At,

        // That a stream refused a call's verdict is known only to workers that saw it: gone, they seem to be lost with it.
        DeadReasons.WorkerLost => HasRefused && HasReplaced,
        _ => (dead.Reason, dead.Attempts) == call.Plan.End && call.Runs.Any(run => run.Attempt == dead.Attempts),
    };

    // Whether a time is over, and whoever was to know of it had no fault since.
    private bool IsPast(TimeSpan? time) => time is { } at && at + Hearing < world.Elapsed && !IsDisturbed(at);

    private bool IsDisturbed(TimeSpan since) => _faults.Any(fault => fault.From <= world.Elapsed && (fault.To ?? world.Elapsed) + Aftermath >= since);
}

/// <summary>A call that a gateway answered with 202.</summary>
internal sealed class AcceptedCall(string deliveryId, CallPlan plan, bool storesResult, TimeSpan at)
{
    public string DeliveryId => deliveryId;

    public CallPlan Plan => plan;

    /// <summary>Whether its caller asked for its result to be kept.</summary>
    public bool StoresResult => storesResult;

    public TimeSpan? Deadline { get; } = plan.ExpiresAfter >= 0 ? at + TimeSpan.FromMilliseconds(plan.ExpiresAfter) : null;

    public TimeSpan? Cancelled { get; set; }

    public List<Request> Runs { get; } = [];

    public List<Request> Posts { get; } = [];

    /// <summary>How often its receiver was asked, by POSTs that reached it and others.</summary>
    public int Asked { get; set; }

    /// <summary>Of each POST, how it says that the call ended; null where the function's status says so.</summary>
    public List<string?> Told { get; } = [];

    /// <summary>When the receiver last answered that it has the callback.</summary>
    public TimeSpan? Delivered { get; set; }

    public List<DeadLetter> Dead { get; } = [];

    public List<DeadLetter> DeadCallbacks { get; } = [];

    /// <summary>By attempt.</summary>
    public Dictionary<int, DateTimeOffset> NotBefore { get; } = [];

    /// <summary>Of the record that was stored last.</summary>
    public DateTimeOffset? PostNotBefore { get; set; }

    /// <summary>All that streams have stored of it.</summary>
    public List<CallMessage> Messages { get; } = [];
}

/// <summary>A message of a call.</summary>
internal sealed class CallMessage(AcceptedCall call, string kind, int attempt)
{
    public AcceptedCall Call => call;

    /// <summary>What its stream is for: call, aside, callback or dead.</summary>
    public string Kind => kind;

    public int Attempt => attempt;

    public HashSet<string> AckedBy { get; } = [];
}

/// <summary>One request of a worker, to a function or a receiver.</summary>
internal sealed class Request(string worker, int attempt, TimeSpan at, Task answer)
{
    public string Worker => worker;

    public int Attempt => attempt;

    public TimeSpan At => at;

    /// <summary>What was answered; 0 until then.</summary>
    public int Status { get; set; }

    /// <summary>Whether the worker still waits for its answer.</summary>
    public bool IsAwaited => !answer.IsCompleted;
}

/// <summary>A dead letter: why, after how many attempts, and when it was stored.</summary>
internal readonly record struct DeadLetter(string Reason, int Attempts, TimeSpan At)
{
    public override string ToString() => $"{Reason} after {Attempts}";
}

/// <summary>When a fault was; without end while it lasts.</summary>
internal sealed class FaultSpan(TimeSpan from)
{
    public TimeSpan From => from;

    public TimeSpan? To { get; set; }
}
