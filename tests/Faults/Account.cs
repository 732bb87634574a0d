using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Connectors.Faults.Tests;

/// <summary>A fault that happened, until the system was whole again.</summary>
internal sealed record Strike(Fault Fault, DateTimeOffset From, DateTimeOffset To)
{
    public List<string> Reruns { get; } = [];

    public List<string> Resends { get; } = [];

    public List<string> Recalls { get; } = [];

    /// <summary>How many more runs, or callbacks, were in flight here than came again.</summary>
    public int Room(bool isCallback) => isCallback ? Fault.Recalls - Recalls.Count : Fault.Reruns - Reruns.Count - Resends.Count;
}

/// <summary>What the outside saw: callers, the function, and the receiver of callbacks, which knows the secret that they are signed with.</summary>
internal sealed record Seen(IReadOnlyCollection<Call> Calls, IReadOnlyCollection<string> Strange, IReadOnlyList<Entry> Runs, IReadOnlyList<Entry> Posts, byte[] Secret);

/// <summary>What callers were told, held against what function and receiver wrote down: every promise that was not kept is a line of <see cref="Violations"/>.</summary>
internal sealed class Account
{
    private readonly StringBuilder _sums = new();
    private readonly List<(Entry Before, Entry Again, bool IsCallback, Func<Strike, List<string>> Repeats, string What)> _repeated = [];

    public List<Strike> Struck { get; } = [];

    public List<string> Violations { get; } = [];

    /// <summary>What is left in the streams: calls, callbacks, calls put aside, and acks that are waited for.</summary>
    public (long Calls, long Callbacks, long Aside, int Acks) Left { get; set; }

    /// <summary>The ledger as a table.</summary>
    public string Text
    {
        get
        {
            var text = new StringBuilder("\n| fault | lasted with its mending | runs again | sends again | callbacks again | at most |\n| --- | --- | --- | --- | --- | --- |\n");
            foreach (var strike in Struck)
            {
                text.AppendLine(CultureInfo.InvariantCulture, $"| {strike.Fault.Name} | {(strike.To - strike.From).TotalSeconds:0.0} s | {strike.Reruns.Count} | {strike.Resends.Count} | {strike.Recalls.Count} | {Bound(strike.Fault.Reruns)}, {Bound(strike.Fault.Recalls)} |");
            }

            return text.Append(_sums).ToString();
        }
    }

    /// <summary>Compares everything once all is over.</summary>
    public void Close(FaultySystem system, Load load, IReadOnlyList<DeadLetter> letters) =>
        Close(new Seen(load.Calls, load.Strange, system.Function.Entries, system.Receiver.Entries, system.Secret), letters);

    /// <summary>Compares what was seen.</summary>
    public void Close(Seen seen, IReadOnlyList<DeadLetter> letters)
    {
        var calls = seen.Calls.ToDictionary(call => call.Id);
        var runs = seen.Runs.GroupBy(run => run.DeliveryId).ToList();
        var callbacks = seen.Posts.Where(entry => calls.ContainsKey(entry.CallId)).ToList();
        var ends = new Dictionary<string, HashSet<string>>();
        CompareRuns(calls, runs);
        CompareCallbacks(calls, callbacks, seen.Secret, ends);
        Blame();
        CompareLetters(calls, letters, ends);
        CompareEnds(calls, runs, ends);
        foreach (var strange in seen.Strange)
        {
            Violations.Add($"an answer that is neither 202 nor 503: {strange}");
        }

        foreach (var strike in Struck)
        {
            Bounded(strike, [.. strike.Reruns, .. strike.Resends], strike.Fault.Reruns);
            Bounded(strike, strike.Recalls, strike.Fault.Recalls);
        }

        var accepted = calls.Values.Count(call => call.IsAccepted);
        var unknown = calls.Values.Count(call => !call.IsAccepted);
        var storedUnknown = runs.Count(delivery => !calls[delivery.First().CallId].IsAccepted);
        _sums.AppendLine(CultureInfo.InvariantCulture, $"\n{Struck.Count} faults; {accepted} calls accepted, {unknown} answered 503 or cut, of which {storedUnknown} were stored and ran");
        _sums.AppendLine(CultureInfo.InvariantCulture, $"{runs.Count} deliveries, {runs.Sum(delivery => delivery.Count())} runs: {Struck.Sum(s => s.Reruns.Count)} again after a lost worker or ack, {Struck.Sum(s => s.Resends.Count)} again after a lost answer");
        _sums.AppendLine(CultureInfo.InvariantCulture, $"{callbacks.Count} callbacks, all signed, {Struck.Sum(s => s.Recalls.Count)} of them again; {letters.Count} dead letters; left in streams: {Left.Calls} calls, {Left.Callbacks} callbacks, {Left.Aside} aside, {Left.Acks} acks that are waited for");
        _sums.AppendLine(Violations.Count == 0 ? "every promise was kept" : string.Join('\n', Violations));
    }

    private void CompareRuns(Dictionary<string, Call> calls, List<IGrouping<string, Entry>> runs)
    {
        foreach (var delivery in runs)
        {
            var inOrder = delivery.OrderBy(run => run.At).ToList();
            var call = calls[inOrder[0].CallId];
            Check(call.IsAccepted || call.IsUnknown, $"{call.Id} ran, and its caller was not told");
            Check(inOrder.TrueForAll(run => Encoding.ASCII.GetString(run.Body) == call.Id), $"{call.Id} ran with another body");
            foreach (var (before, again) in inOrder.Zip(inOrder.Skip(1)))
            {
                if (before.Attempt == again.Attempt)
                {
                    _repeated.Add((before, again, false, strike => strike.Reruns, $"{call.Id} ran its attempt {again.Attempt} again"));
                }
                else if (call.Function != "flaky" || before.Attempt > 1)
                {
                    _repeated.Add((before, again, false, strike => strike.Resends, $"{call.Id} was sent again as attempt {again.Attempt}"));
                }
            }
        }

        foreach (var many in runs.GroupBy(delivery => delivery.First().CallId).Where(deliveries => deliveries.Count() > 1))
        {
            Violations.Add($"{many.Key} was stored {many.Count()} times (key: {calls[many.Key].HasKey})");
        }
    }

    private void CompareCallbacks(Dictionary<string, Call> calls, List<Entry> callbacks, byte[] secret, Dictionary<string, HashSet<string>> ends)
    {
        foreach (var delivery in callbacks.GroupBy(callback => callback.Header("webhook-id")))
        {
            var inOrder = delivery.OrderBy(callback => callback.At).ToList();
            var call = calls[inOrder[0].CallId];
            Check(inOrder.TrueForAll(callback => callback.IsSigned(secret)), $"the callback of {call.Id} has a wrong signature");
            Check(inOrder.TrueForAll(callback => Encoding.ASCII.GetString(callback.Body) == $"done {call.Id}"), $"the callback of {call.Id} has a wrong body");
            foreach (var callback in inOrder)
            {
                EndsOf(ends, delivery.Key).Add(callback.Header("X-Function-Status") == "200" ? "succeeded" : $"dead {callback.Header("X-Function-Status")}{callback.Header("X-Call-State")}");
            }

            foreach (var (before, again) in inOrder.Zip(inOrder.Skip(1)))
            {
                _repeated.Add((before, again, true, strike => strike.Recalls, $"{call.Id} was called back again"));
            }
        }
    }

    private void CompareLetters(Dictionary<string, Call> calls, IReadOnlyList<DeadLetter> letters, Dictionary<string, HashSet<string>> ends)
    {
        var seen = new Dictionary<string, DeadLetter>();
        foreach (var letter in letters)
        {
            using var envelope = JsonDocument.Parse(letter.Envelope);
            var (id, delivery) = (envelope.RootElement.GetProperty("callId").GetString()!, envelope.RootElement.GetProperty("deliveryId").GetString()!);
            Check(calls.TryGetValue(id, out var call) && call.Function == "bad" && letter.Subject.Contains(".dead.call.", StringComparison.Ordinal), $"{id} is a dead letter on {letter.Subject}");
            Check(seen.TryAdd(delivery, letter), $"{id} is two dead letters: {seen[delivery]}, {letter}");
            EndsOf(ends, delivery).Add("dead 400");
        }

        foreach (var (delivery, _) in ends.Where(end => end.Value.Contains("dead 400") && !seen.ContainsKey(end.Key)))
        {
            Violations.Add($"delivery {delivery} was called back as dead and has no dead letter");
        }
    }

    private void CompareEnds(Dictionary<string, Call> calls, List<IGrouping<string, Entry>> runs, Dictionary<string, HashSet<string>> ends)
    {
        foreach (var delivery in runs)
        {
            var call = calls[delivery.First().CallId];
            var found = ends.GetValueOrDefault(delivery.Key) ?? [];
            Check(found.SetEquals([call.Function == "bad" ? "dead 400" : "succeeded"]), $"{call.Id} ({call.Function}) ended as: {string.Join(" and ", found.DefaultIfEmpty("nothing"))}");
        }

        var ran = runs.Select(delivery => delivery.First().CallId).ToHashSet();
        foreach (var lost in calls.Values.Where(call => call.IsAccepted && !ran.Contains(call.Id)))
        {
            Violations.Add($"{lost.Id} was accepted and never ran");
        }
    }

    // Each repeat to a fault that struck between both of its runs: the first one that has room for it. The one whose last fault is the earliest chooses first;
    // so if any way to share them out keeps every fault within what was in flight there, this one does.
    private void Blame()
    {
        foreach (var (before, again, isCallback, repeats, what) in _repeated.OrderBy(repeat => Struck.FindLastIndex(strike => strike.From <= repeat.Again.At)))
        {
            var between = Struck.Where(strike => strike.To >= before.At && strike.From <= again.At).ToList();
            if ((between.Find(strike => strike.Room(isCallback) > 0) ?? between.LastOrDefault()) is { } strike)
            {
                repeats(strike).Add($"{what}, at {before.At:HH:mm:ss.fff} and {again.At:HH:mm:ss.fff}");
            }
            else
            {
                Violations.Add($"{what} without a fault: at {before.At:HH:mm:ss.fff} and {again.At:HH:mm:ss.fff}");
            }
        }
    }

    private void Bounded(Strike strike, List<string> repeats, int most) =>
        Check(repeats.Count <= most, $"\"{strike.Fault.Name}\" repeated more than the {most} that were in flight:\n  {string.Join("\n  ", repeats)}");

    private void Check(bool holds, string otherwise)
    {
        if (!holds)
        {
            Violations.Add(otherwise);
        }
    }

    private static HashSet<string> EndsOf(Dictionary<string, HashSet<string>> ends, string delivery) => ends.TryGetValue(delivery, out var found) ? found : ends[delivery] = [];

    private static string Bound(int count) => count > 1000 ? "as refused" : count.ToString(CultureInfo.InvariantCulture);
}
