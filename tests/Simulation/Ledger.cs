using Connectors.Streams.Records;

namespace Connectors.Simulation.Tests;

/// <summary>
/// What the outside saw of each call, and what of it breaks a promise of docs/delivery-states.md. It knows the accepts, the function's runs, the receiver's POSTs
/// and what the streams have stored; nothing that a worker says of itself.
/// </summary>
internal sealed class Ledger(World world)
{
    // Between a fault and the last of what it does: leases end, acks that were held up arrive.
    private static readonly TimeSpan Aftermath = TimeSpan.FromSeconds(3);

    private readonly Dictionary<string, AcceptedCall> _calls = [];
    private readonly List<FaultSpan> _faults = [];
    private readonly List<string> _broken = [];

    public AcceptedCall this[string deliveryId] => _calls[deliveryId];

    public void Accept(string deliveryId, CallPlan plan) => _calls[deliveryId] = new AcceptedCall(deliveryId, plan);

    /// <summary>A fault has begun; its end is known later.</summary>
    public FaultSpan Begin()
    {
        var span = new FaultSpan(world.Elapsed);
        _faults.Add(span);
        return span;
    }

    public void Break(string promise) => _broken.Add(promise);

    /// <summary>The function runs.</summary>
    public void Runs(AcceptedCall call, int attempt)
    {
        world.Note(attempt);
        if (call.NotBefore.TryGetValue(attempt, out var notBefore) && world.Now < notBefore)
        {
            Break($"R12 a call that waits is not sent before its time: {call.DeliveryId}, attempt {attempt} ran {(notBefore - world.Now).TotalMilliseconds} ms early");
        }

        if (call.Runs.LastOrDefault(run => run.Attempt == attempt) is { } before && !MayRepeat(before.At))
        {
            Break($"R2, R7 a call runs again only after a fault: {call.DeliveryId}, attempt {attempt} ran at {before.At} and at {world.Elapsed}");
        }

        if (attempt > 1 && call.Runs.All(run => run.Attempt != attempt - 1))
        {
            Break($"R5 an attempt follows the one before: {call.DeliveryId}, attempt {attempt} came first");
        }

        call.Runs.Add(new Run(attempt, world.Elapsed));
    }

    /// <summary>The receiver is posted to.</summary>
    public void Posts(AcceptedCall call, int functionStatus, string? state)
    {
        world.Note(functionStatus);
        if (call.Delivered is { } before && !MayRepeat(before))
        {
            Break($"R8, R9 what the receiver has is posted again only after a fault: {call.DeliveryId} at {before} and at {world.Elapsed}");
        }

        if (state is null && functionStatus is not (502 or 503 or 504) && call.Runs.All(run => run.Status != functionStatus))
        {
            Break($"R4 a callback tells what the function answered: {call.DeliveryId}, {functionStatus}");
        }
    }

    /// <summary>What is broken, when all is quiet.</summary>
    public IReadOnlyList<string> Judge(Broker broker, string queue)
    {
        int succeeded = 0, dead = 0, pending = 0;
        foreach (var call in _calls.Values)
        {
            if (broker.Find(StreamNames.Calls(queue))!.Messages.Values.Concat(broker.Find(StreamNames.Aside(queue))!.Messages.Values).Any(message => Of(message) == call))
            {
                pending++;
                Break($"every call comes to its end: {call.DeliveryId} is still there");
            }
            else if (call.Dead.Count > 0)
            {
                dead++;
            }
            else if (call.Runs.Any(run => run.Status is >= 200 and < 400))
            {
                succeeded++;
            }

            Judge(call);
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

    /// <summary>Whose message it is.</summary>
    public AcceptedCall? Of(StoredMessage message)
    {
        const string Key = "\"deliveryId\":\"";
        var at = message.Headers.IndexOf(Key, StringComparison.Ordinal);
        return at < 0 ? null : _calls.GetValueOrDefault(message.Headers[(at + Key.Length)..message.Headers.IndexOf('"', at + Key.Length)]);
    }

    /// <summary>A stream has stored something.</summary>
    public void Stored(BrokerStream stream, StoredMessage message)
    {
        var kind = message.Subject.Split('.')[1];
        if (kind is "call" or "aside" && EnvelopeCodec.TryDecode(message.Header(EnvelopeCodec.HeaderName), out _) is { NotBefore: { } notBefore } envelope)
        {
            _calls[envelope.DeliveryId].NotBefore[envelope.Attempt] = notBefore;
        }
        else if (kind == "dead" && Of(message) is { } call)
        {
            (message.Subject.Split('.')[2] == "callback" ? call.DeadCallbacks : call.Dead).Add(message.Subject);
        }
    }

    private void Judge(AcceptedCall call)
    {
        if (call.Dead.Count > 1)
        {
            Break($"R6 a call has one dead letter at most: {call.DeliveryId} has {string.Join(", ", call.Dead)}");
        }

        if (call.Plan.Callback.Length > 0 && call.Delivered is null && call.DeadCallbacks.Count == 0)
        {
            Break($"R4, R11 every end is told or its callback is a dead letter: {call.DeliveryId}");
        }

        if (call.DeadCallbacks.Count > 1)
        {
            Break($"R11 a callback has one dead letter at most: {call.DeliveryId}");
        }

        if (call.Dead is [var only] && only.Split('.')[2] == "call" && call.Runs.Count == 0 && call.Plan.Answers[0].Status != 0)
        {
            Break($"a call is not dead without having been sent: {call.DeliveryId}");
        }
    }

    private bool MayRepeat(TimeSpan since) => _faults.Any(fault => fault.From <= world.Elapsed && (fault.To ?? world.Elapsed) + Aftermath >= since);
}

/// <summary>A call that a gateway answered with 202.</summary>
internal sealed class AcceptedCall(string deliveryId, CallPlan plan)
{
    public string DeliveryId => deliveryId;

    public CallPlan Plan => plan;

    public List<Run> Runs { get; } = [];

    public int Posts { get; set; }

    /// <summary>When the receiver last answered that it has the callback.</summary>
    public TimeSpan? Delivered { get; set; }

    /// <summary>Subjects of its dead letters.</summary>
    public List<string> Dead { get; } = [];

    public List<string> DeadCallbacks { get; } = [];

    /// <summary>By attempt.</summary>
    public Dictionary<int, DateTimeOffset> NotBefore { get; } = [];
}

/// <summary>One run of a function.</summary>
internal sealed class Run(int attempt, TimeSpan at)
{
    public int Attempt => attempt;

    public TimeSpan At => at;

    /// <summary>What it answered; 0 until then.</summary>
    public int Status { get; set; }
}

/// <summary>When a fault was; without end while it lasts.</summary>
internal sealed class FaultSpan(TimeSpan from)
{
    public TimeSpan From => from;

    public TimeSpan? To { get; set; }
}
