using Connectors.Cron.Schedules;
using Connectors.Sdk.Invocation;
using Connectors.Sdk.Topics;
using Microsoft.Extensions.Logging;

namespace Connectors.Cron.Ticking;

/// <summary>All schedules of all functions, as the last topic map has them. Owned by the source's loop, but for one question. What is wrong with one disturbs no other.</summary>
internal sealed class Timetable(TickPolicy defaults, ILogger<Timetable> log)
{
    private readonly Dictionary<string, EntryState> _states = new(StringComparer.Ordinal);
    private Dictionary<FunctionName, Complaint> _bad = [];
    private DateTimeOffset? _updated;

    public IReadOnlyCollection<EntryState> States => _states.Values;

    public EntryState? Find(string key) => _states.GetValueOrDefault(key);

    /// <summary>Brings the table in line with a topic map: functions that are gone stop at once. Returns the keys of what is gone.</summary>
    /// <param name="map">The map.</param>
    /// <param name="now">When it was the latest.</param>
    public IReadOnlyList<string> Update(TopicMap map, DateTimeOffset now)
    {
        var wanted = map.Match(Annotations.Topic).ToHashSet();
        var bad = new Dictionary<FunctionName, Complaint>();
        var entries = new Dictionary<string, Entry>(StringComparer.Ordinal);
        foreach (var function in map.Functions.Where(f => wanted.Contains(f.Name)))
        {
            foreach (var entry in Entries(function, bad))
            {
                entries[entry.Key] = entry;
            }
        }

        var gone = _states.Keys.Where(key => !entries.ContainsKey(key)).ToList();
        Remove(gone, left: entries.Values.Select(entry => entry.Function).ToHashSet());
        foreach (var (key, entry) in entries)
        {
            if (_states.TryGetValue(key, out var state))
            {
                (state.Entry, state.Map) = (entry, map);
                continue;
            }

            // Of what the first map has nobody here knows whether it was there before.
            _states[key] = new EntryState(entry) { Map = map, AbsentUntil = _updated };
            Metrics.Begin(entry.Function.ToString());
            Log.Added(log, entry.Function.ToString(), entry.Schedule.ToString());
        }

        foreach (var broken in _states.Values.Where(s => s.Fault is not null))
        {
            bad.TryAdd(broken.Entry.Function, Complaint.Of(broken));
        }

        Tell(bad);
        _updated = now;
        return gone;
    }

    /// <summary>
    /// Whether a topic map, perhaps a later one than the table's, has a schedule still. For ticks that waited for a slot, during which the source's loop
    /// stands still: it may be asked beside that.
    /// </summary>
    public bool IsIn(TopicMap map, EntryState state) =>
        state.Map == map
        || (map.Match(Annotations.Topic).Contains(state.Entry.Function)
            && map.Functions.Where(f => f.Name == state.Entry.Function).SelectMany(f => Entries(f, [])).Any(entry => entry.Key == state.Entry.Key));

    /// <summary>Leaves out a schedule whose ticks cannot be found, until it is another one.</summary>
    public void Break(EntryState state, Exception fault)
    {
        state.Fault = fault.Message;
        state.WakeAt = null;
        Metrics.NotDue(state.Function, state.Schedule);
        Tell(new Dictionary<FunctionName, Complaint>(_bad) { [state.Entry.Function] = Complaint.Of(state) });
    }

    // Whatever reading it throws is this one function's.
    private IReadOnlyList<Entry> Entries(Function function, Dictionary<FunctionName, Complaint> bad)
    {
        try
        {
            return Entry.Of(function, defaults);
        }
        catch (Exception fault)
        {
            bad[function.Name] = new Complaint(fault is BadScheduleException { Reason: var reason } ? reason : BadSchedule.Fault, fault.Message);
            return [];
        }
    }

    private void Remove(List<string> gone, HashSet<FunctionName> left)
    {
        foreach (var key in gone)
        {
            _states.Remove(key, out var state);
            Metrics.NotDue(state!.Function, state.Schedule); // it was found there just before
            Log.Removed(log, state.Function, state.Schedule);
            if (!left.Contains(state.Entry.Function))
            {
                Metrics.Forget(state.Function);
            }
        }
    }

    private void Tell(Dictionary<FunctionName, Complaint> bad)
    {
        foreach (var (function, complaint) in _bad.Where(known => bad.GetValueOrDefault(known.Key) != known.Value))
        {
            Metrics.NoBadSchedule(function.ToString(), complaint.Label);
        }

        foreach (var (function, complaint) in bad.Where(now => _bad.GetValueOrDefault(now.Key) != now.Value))
        {
            Metrics.BadSchedule(function.ToString(), complaint.Label);
            Log.BadSchedule(log, function.ToString(), complaint.Label, complaint.Error);
        }

        _bad = bad;
    }

    private sealed record Complaint(BadSchedule Reason, string Error)
    {
        public string Label => Reason.ToString().ToLowerInvariant();

        public static Complaint Of(EntryState broken) => new(BadSchedule.Fault, $"{broken.Schedule}: {broken.Fault}");
    }
}
