using System.Collections.Concurrent;

namespace Prometheus;

public abstract class Collector<TChild> : Collector, ICollector<TChild>
    where TChild : ChildBase
{
    private readonly ConcurrentDictionary<LabelValues, TChild> _children = new();
    private readonly bool _suppressInitialValue;
    private TChild? _unlabelled;

    internal Collector(string name, string help, string[] labelNames, bool suppressInitialValue)
        : base(name, help, labelNames)
    {
        _suppressInitialValue = suppressInitialValue;
    }

    TChild ICollector<TChild>.Unlabelled => Unlabelled;

    /// <summary>The child without label values: the only one of a metric without labels.</summary>
    protected internal TChild Unlabelled => _unlabelled ?? (_unlabelled = Child(new LabelValues([])));

    public TChild WithLabels(params string[] labelValues)
    {
        ArgumentNullException.ThrowIfNull(labelValues);
        return _children.TryGetValue(new LabelValues(labelValues), out var known) ? known : Child(Checked(labelValues));
    }

    public void RemoveLabelled(params string[] labelValues)
    {
        ArgumentNullException.ThrowIfNull(labelValues);
        Remove(Checked(labelValues));
    }

    public IEnumerable<string[]> GetAllLabelValues() =>
        _children.Keys.Where(labels => labels.Values.Length > 0).Select(labels => (string[])labels.Values.Clone());

    internal abstract TChild NewChild(LabelValues labelValues, bool publish);

    internal override void Remove(LabelValues labelValues)
    {
        _children.TryRemove(labelValues, out _);
        if (labelValues.Values.Length == 0)
        {
            _unlabelled = null;
        }
    }

    internal override void Write(Exposition text)
    {
        // A metric without labels exists from the start, with labels only once values are named.
        if (LabelNames.Length == 0)
        {
            _ = Unlabelled;
        }

        foreach (var child in _children.Values.Where(child => child.IsPublished).OrderBy(child => child.Labels, StringComparer.Ordinal))
        {
            child.Write(text, Name);
        }
    }

    private TChild Child(LabelValues labelValues) => _children.GetOrAdd(labelValues, key => NewChild(key, !_suppressInitialValue));

    private LabelValues Checked(string[] labelValues)
    {
        if (labelValues.Length != LabelNames.Length)
        {
            throw new ArgumentException($"Metric {Name} has {LabelNames.Length} labels; {labelValues.Length} values were given.");
        }

        return Array.IndexOf(labelValues, null) < 0
            ? new LabelValues((string[])labelValues.Clone())
            : throw new ArgumentException($"Metric {Name}: a label value is null.");
    }
}
