using Connectors.Cron.Schedules;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using Connectors.Sdk.Topics;
using Microsoft.Extensions.Logging;

namespace Connectors.Cron.Ticking;

/// <summary>All schedules of all functions, as the last topic map has them. Owned by the source's loop.</summary>
internal sealed class Timetable(TickPolicy defaults, ILogger<Timetable> log)
{
    private readonly Dictionary<string, Line> _lines = new(StringComparer.Ordinal);
    private readonly Dictionary<FunctionName, (string Reason, string Error)> _bad = [];

    public IReadOnlyCollection<Line> Lines => _lines.Values;

    public Line? Find(string key) => _lines.GetValueOrDefault(key);

    /// <summary>Brings the table in line with a topic map: functions that are gone stop at once.</summary>
    public void Update(TopicMap map)
    {
        var wanted = map.Match(Annotations.Topic).ToHashSet();
        var functions = map.Functions.Where(f => wanted.Contains(f.Name)).ToList();
        var entries = functions.SelectMany(Entries).ToDictionary(e => e.Key);

        foreach (var (key, line) in _lines.Where(l => !entries.ContainsKey(l.Key)).ToList())
        {
            _lines.Remove(key);
            Metrics.NotDue(line.Entry.Function.ToString(), line.Entry.Schedule.ToString());
            Log.Removed(log, line.Entry.Function.ToString(), line.Entry.Schedule.ToString());
        }

        foreach (var (key, entry) in entries)
        {
            if (_lines.TryGetValue(key, out var line))
            {
                line.Entry = entry;
            }
            else
            {
                _lines[key] = new Line(entry);
                Log.Added(log, entry.Function.ToString(), entry.Schedule.ToString());
            }
        }

        foreach (var name in _bad.Keys.Where(name => !wanted.Contains(name)).ToList())
        {
            Mend(name);
        }
    }

    private IReadOnlyList<Entry> Entries(Function function)
    {
        try
        {
            var entries = Entry.Of(function, defaults);
            Mend(function.Name);
            return entries;
        }
        catch (BadScheduleException fault)
        {
            Complain(function.Name, (fault.Reason.ToString().ToLowerInvariant(), fault.Message));
            return [];
        }
    }

    private void Complain(FunctionName function, (string Reason, string Error) fault)
    {
        if (_bad.TryGetValue(function, out var known) && known == fault)
        {
            return;
        }

        Mend(function);
        _bad[function] = fault;
        Metrics.BadSchedule(function.ToString(), fault.Reason);
        Log.BadSchedule(log, function.ToString(), fault.Reason, fault.Error);
    }

    private void Mend(FunctionName function)
    {
        if (_bad.Remove(function, out var fault))
        {
            Metrics.NoBadSchedule(function.ToString(), fault.Reason);
        }
    }
}
