using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Sdk.Topics;

namespace Connectors.Sdk.Events;

/// <summary>
/// Counts calls by function. One that has left the topic map is counted no more, for functions come and go: once two maps in a row are without it and nobody
/// called it meanwhile, lest a call that still runs bring it back for good.
/// </summary>
/// <param name="topics">The topic map; looked at with each call.</param>
internal sealed class CallCounts(LatestTopicMap topics)
{
    private static readonly string[] Outcomes = [.. Enum.GetValues<OutcomeKind>().Select(Label)];

    // Guards the functions that are counted, each with whether it was called since the last look.
    private readonly Lock _gate = new();
    private readonly Dictionary<FunctionName, bool> _counted = [];
    private TopicMap _seen = topics.Value;

    /// <summary>Counts a call that has ended.</summary>
    public void Add(FunctionName function, Outcome outcome)
    {
        lock (_gate)
        {
            _counted[function] = true;
            Metrics.Called(function.ToString(), Label(outcome.Kind), outcome.Duration);
            if (topics.Value is var map && map != _seen)
            {
                _seen = map;
                Forget(map);
            }
        }
    }

    private static string Label(OutcomeKind outcome) => outcome.ToString().ToLowerInvariant();

    private void Forget(TopicMap map)
    {
        HashSet<FunctionName> there = [.. map.Functions.Select(f => f.Name)];
        foreach (var (function, wasCalled) in _counted.Where(counted => !there.Contains(counted.Key)).ToList())
        {
            if (wasCalled)
            {
                _counted[function] = false;
            }
            else
            {
                _counted.Remove(function);
                Metrics.Forget(function.ToString(), Outcomes);
            }
        }
    }
}
