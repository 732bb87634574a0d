using System.Collections.Concurrent;
using System.Diagnostics;

namespace Prometheus;

public sealed class CollectorRegistry
{
    private readonly ConcurrentDictionary<string, Family> _families = new();
    private readonly ConcurrentQueue<Action> _beforeCollect = new();
    private readonly ConcurrentQueue<Func<CancellationToken, Task>> _beforeCollectAsync = new();

    internal CollectorRegistry()
    {
    }

    /// <summary>Runs <paramref name="callback"/> before each collection; if it throws, the collection goes on.</summary>
    public void AddBeforeCollectCallback(Action callback)
    {
        ArgumentNullException.ThrowIfNull(callback);
        _beforeCollect.Enqueue(callback);
    }

    /// <summary>Runs <paramref name="callback"/> before each collection, beside the others of its kind; if it throws, the collection goes on.</summary>
    public void AddBeforeCollectCallback(Func<CancellationToken, Task> callback)
    {
        ArgumentNullException.ThrowIfNull(callback);
        _beforeCollectAsync.Enqueue(callback);
    }

    public async Task CollectAndExportAsTextAsync(Stream to, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(to);
        foreach (var callback in _beforeCollect)
        {
            await GuardAsync(_ =>
            {
                callback();
                return Task.CompletedTask;
            }, cancel).ConfigureAwait(false);
        }

        await Task.WhenAll(_beforeCollectAsync.Select(callback => GuardAsync(callback, cancel))).ConfigureAwait(false);
        var text = new Exposition();
        foreach (var (_, family) in _families.OrderBy(family => family.Key, StringComparer.Ordinal))
        {
            family.Write(text);
        }

        await to.WriteAsync(text.ToBytes(), cancel).ConfigureAwait(false);
    }

    /// <summary>The collector of that name and those labels.</summary>
    internal TCollector GetOrAdd<TCollector>(TCollector created)
        where TCollector : Collector
    {
        var family = _families.GetOrAdd(created.Name, _ => new Family(created));
        return family.GetOrAdd(created) as TCollector
            ?? throw new InvalidOperationException($"Another type of metric is called {created.Name} already: {family.Type}.");
    }

    private static async Task GuardAsync(Func<CancellationToken, Task> callback, CancellationToken cancel)
    {
        try
        {
            await callback(cancel).ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            Trace.WriteLine($"A callback before the collection of metrics failed: {exception}");
        }
    }

    /// <summary>All metrics of one name; they may differ in their labels.</summary>
    private sealed class Family(Collector first)
    {
        private readonly ConcurrentDictionary<LabelValues, Collector> _collectors = new();

        public string Type => first.Type;

        public Collector GetOrAdd(Collector created) => _collectors.GetOrAdd(new LabelValues(created.LabelNames), created);

        public void Write(Exposition text)
        {
            text.Family(first.Name, first.Help, first.Type);
            foreach (var collector in _collectors.Values)
            {
                collector.Write(text);
            }
        }
    }
}
