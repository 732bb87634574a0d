namespace Prometheus;

public abstract class ChildBase : ICollectorChild, IDisposable
{
    private readonly Collector _parent;
    private readonly LabelValues _labelValues;
    private volatile bool _isPublished;

    internal ChildBase(Collector parent, LabelValues labelValues, bool publish)
    {
        _parent = parent;
        _labelValues = labelValues;
        _isPublished = publish;
        Labels = labelValues.Format(parent.LabelNames);
    }

    /// <summary>Its labels as they stand in the exposition, without the braces.</summary>
    internal string Labels { get; }

    internal bool IsPublished => _isPublished;

    public void Publish() => _isPublished = true;

    public void Unpublish() => _isPublished = false;

    public void Remove() => _parent.Remove(_labelValues);

    public void Dispose()
    {
        Remove();
        GC.SuppressFinalize(this);
    }

    internal abstract void Write(Exposition text, string name);
}
