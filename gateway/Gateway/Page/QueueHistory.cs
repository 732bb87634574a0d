namespace Connectors.Gateway.Page;

/// <summary>A point every ten seconds for each queue, for 15 minutes.</summary>
internal sealed class QueueHistory
{
    private const int Points = 90;

    // Guards the points: one adds, many read.
    private readonly Lock _lock = new();
    private readonly Queue<(DateTime At, IReadOnlyList<QueueView> Queues)> _points = new();

    public void Add(DateTime at, IReadOnlyList<QueueView> queues)
    {
        lock (_lock)
        {
            _points.Enqueue((at, queues));
            if (_points.Count > Points)
            {
                _points.Dequeue();
            }
        }
    }

    public QueueHistories Read()
    {
        (DateTime At, IReadOnlyList<QueueView> Queues)[] points;
        lock (_lock)
        {
            points = [.. _points];
        }

        var names = points.SelectMany(point => point.Queues.Select(queue => queue.Name)).Distinct().Order(StringComparer.Ordinal);
        var byName = points.Select(point => point.Queues.ToDictionary(queue => queue.Name)).ToList();
        return new QueueHistories([.. points.Select(point => point.At)], names.ToDictionary(name => name, name => Of([.. byName.Select(point => point.GetValueOrDefault(name))])));
    }

    private static QueueLine Of(IReadOnlyList<QueueView?> points) => new(
        [.. points.Select(point => point?.InPerSecond)],
        [.. points.Select(point => point?.OutPerSecond)],
        [.. points.Select(point => (double?)point?.Waiting)],
        [.. points.Select(point => (double?)point?.Dead)]);
}

/// <summary>The last 15 minutes of all queues.</summary>
/// <param name="At">The times of the points, oldest first.</param>
/// <param name="Queues">A value for each point, null where the queue was not there, or not told of.</param>
internal sealed record QueueHistories(IReadOnlyList<DateTime> At, IReadOnlyDictionary<string, QueueLine> Queues);

/// <summary>One queue's last 15 minutes.</summary>
internal sealed record QueueLine(IReadOnlyList<double?> InPerSecond, IReadOnlyList<double?> OutPerSecond, IReadOnlyList<double?> Waiting, IReadOnlyList<double?> Dead);
