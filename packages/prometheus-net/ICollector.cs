namespace Prometheus;

public interface ICollector
{
    string Name { get; }

    string Help { get; }

    string[] LabelNames { get; }
}

public interface ICollector<out TChild> : ICollector
    where TChild : ICollectorChild
{
    TChild Unlabelled { get; }

    TChild WithLabels(params string[] labelValues);
}
