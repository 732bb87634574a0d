using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Connectors.Sdk.Events;
using Connectors.Sdk.Invocation;

namespace Connectors.Sdk.Tests.Events;

/// <summary>The smallest broker there is: a list of events, each waiting, running or gone, with an order for those of one key.</summary>
internal sealed class InMemoryBroker
{
    // Guards the list.
    private readonly Lock _gate = new();
    private readonly List<Held> _held = [];
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _next;

    public string Add(string topic, string key, byte[] body, params IReadOnlyList<Header> headers)
    {
        lock (_gate)
        {
            var id = $"mem:{_next++}";
            _held.Add(new Held(key, new Event { Id = id, Topic = topic, Body = body, Headers = headers }));
            Change();
            return id;
        }
    }

    public async Task<Held> TakeAsync(CancellationToken ct)
    {
        while (true)
        {
            Task changed;
            lock (_gate)
            {
                changed = _changed.Task;
                var busy = new HashSet<string>();
                foreach (var held in _held)
                {
                    if (busy.Add(held.Key) && !held.IsRunning)
                    {
                        held.IsRunning = true;
                        return held;
                    }
                }
            }

            await changed.WaitAsync(ct);
        }
    }

    public void Remove(Held held)
    {
        lock (_gate)
        {
            _held.Remove(held);
            Change();
        }
    }

    public void GiveBack(Held held)
    {
        lock (_gate)
        {
            held.IsRunning = false;
            Change();
        }
    }

    private void Change()
    {
        _changed.SetResult();
        _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    internal sealed record Held(string Key, Event Event)
    {
        public bool IsRunning { get; set; }
    }
}

internal sealed class InMemorySource(InMemoryBroker broker) : IEventSource
{
    public async IAsyncEnumerable<Received> ReadAsync(Slots slots, [EnumeratorCancellation] CancellationToken stoppingToken)
    {
        while (true)
        {
            var held = await broker.TakeAsync(stoppingToken);
            yield return new InMemoryReceived(broker, held) { OrderKey = held.Key };
        }
    }
}

internal sealed class InMemoryReceived(InMemoryBroker broker, InMemoryBroker.Held held) : Received(held.Event)
{
    public override ValueTask CompleteAsync(CancellationToken ct)
    {
        broker.Remove(held);
        return ValueTask.CompletedTask;
    }

    public override ValueTask<TimeSpan?> FailAsync(Outcome outcome, int attempt, CancellationToken ct) =>
        ValueTask.FromResult<TimeSpan?>(TimeSpan.FromMilliseconds(20));

    public override ValueTask AbandonAsync(CancellationToken ct)
    {
        broker.GiveBack(held);
        return ValueTask.CompletedTask;
    }
}
