using System.Collections.Concurrent;
using System.Globalization;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;

namespace Connectors.Kafka.Tests.Delivery;

/// <summary>What a function saw: every delivery in order of arrival, and which of them it took.</summary>
internal sealed class FunctionLedger
{
    private readonly ConcurrentQueue<Delivery> _deliveries = new();
    private readonly ConcurrentDictionary<(int Partition, long Offset), byte> _taken = new();
    private int _count;

    /// <summary>Writes down what the gateway's function gets and answers as told.</summary>
    /// <param name="gateway">The gateway.</param>
    /// <param name="status">The status of a delivery's answer; it may take its time.</param>
    public FunctionLedger(GatewayServer gateway, Func<Delivery, HttpContext, Task<int>> status) => gateway.Answer = async (request, http) =>
    {
        var delivery = Delivery.Of(request);
        _deliveries.Enqueue(delivery);
        Interlocked.Increment(ref _count);
        http.Response.StatusCode = await status(delivery, http);
        if (http.Response.StatusCode < 400)
        {
            _taken.TryAdd((delivery.Partition, delivery.Offset), 0);
        }
    };

    /// <summary>All deliveries, in order of arrival.</summary>
    public IReadOnlyCollection<Delivery> Deliveries => _deliveries;

    public int Count => Volatile.Read(ref _count);

    /// <summary>How many different events were taken.</summary>
    public int Taken => _taken.Count;

    public bool IsTaken(int partition, long offset) => _taken.ContainsKey((partition, offset));

    /// <summary>What should not have been committed yet: offsets below <paramref name="committed"/> that the function never took.</summary>
    public IEnumerable<long> NotTakenBelow(int partition, long committed)
    {
        for (var offset = 0L; offset < committed; offset++)
        {
            if (!IsTaken(partition, offset))
            {
                yield return offset;
            }
        }
    }

    /// <summary>First deliveries whose key had a later one before: none, if order holds. Bodies are the ordinals within the key.</summary>
    public IReadOnlyList<string> OutOfOrder()
    {
        var last = new Dictionary<string, int>();
        var seen = new HashSet<(int, long)>();
        var faults = new List<string>();
        foreach (var delivery in Deliveries.Where(d => seen.Add((d.Partition, d.Offset))))
        {
            var ordinal = int.Parse(delivery.Text, CultureInfo.InvariantCulture);
            if (last.TryGetValue(delivery.Key, out var before) && ordinal != before + 1)
            {
                faults.Add($"{delivery.Key}: {ordinal} after {before}");
            }

            last[delivery.Key] = ordinal;
        }

        return faults;
    }
}

/// <summary>One delivery of a record.</summary>
internal sealed record Delivery(int Partition, long Offset, string Key, string Text)
{
    public static Delivery Of(RecordedRequest request) => new(
        int.Parse(request.Header("X-Kafka-Partition") ?? "-1", CultureInfo.InvariantCulture),
        long.Parse(request.Header("X-Kafka-Offset") ?? "-1", CultureInfo.InvariantCulture),
        request.Header("X-Kafka-Key") ?? "",
        request.Text);
}
