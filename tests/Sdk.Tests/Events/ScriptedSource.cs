using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Connectors.Sdk.Events;
using Connectors.Sdk.Invocation;

namespace Connectors.Sdk.Tests.Events;

/// <summary>A source that yields what the test gives it and writes down how each event was settled.</summary>
internal sealed class ScriptedSource : IEventSource
{
    private readonly Channel<Func<Received>> _script = Channel.CreateUnbounded<Func<Received>>();

    public ConcurrentQueue<string> Settled { get; } = [];

    public ConcurrentQueue<int> FreeWhenAsked { get; } = [];

    public int Readings { get; private set; }

    /// <summary>Why it cannot be read; null while it can.</summary>
    public string? FailsToRead { get; set; }

    /// <summary>Yields an event; <paramref name="onFail"/> answers <see cref="Received.FailAsync"/>.</summary>
    public void Give(string id, Func<Outcome, int, TimeSpan?>? onFail = null, string? key = null, string topic = "orders", Func<Event, Event>? with = null, CancellationToken withdrawn = default)
    {
        var content = new Event { Id = id, Topic = topic, Body = "body"u8.ToArray() };
        Do(() => new Scripted(this, with?.Invoke(content) ?? content, onFail ?? ((_, _) => null)) { OrderKey = key, Withdrawn = withdrawn });
    }

    /// <summary>An event to be yielded by <see cref="Do"/>, more than once if need be.</summary>
    public Received Create(Event content, string? key = null) => new Scripted(this, content, (_, _) => null) { OrderKey = key };

    /// <summary>Does something in the source's own loop, such as throwing.</summary>
    public void Do(Func<Received> step) => _script.Writer.TryWrite(step);

    public void End() => _script.Writer.TryComplete();

    public async IAsyncEnumerable<Received> ReadAsync(Slots slots, [EnumeratorCancellation] CancellationToken stoppingToken)
    {
        Readings++;
        if (FailsToRead is { } why)
        {
            throw new InvalidOperationException(why);
        }

        while (true)
        {
            FreeWhenAsked.Enqueue(slots.Free);
            var step = await _script.Reader.ReadAsync(stoppingToken);
            yield return step();
        }
    }

    private sealed class Scripted(ScriptedSource source, Event content, Func<Outcome, int, TimeSpan?> onFail) : Received(content)
    {
        public override ValueTask CompleteAsync(CancellationToken ct)
        {
            source.Settled.Enqueue($"{Event.Id} completed");
            return Event.Id == "unsettleable" ? throw new InvalidOperationException("the broker is gone") : ValueTask.CompletedTask;
        }

        public override ValueTask<TimeSpan?> FailAsync(Outcome outcome, int attempt, CancellationToken ct)
        {
            source.Settled.Enqueue($"{Event.Id} failed {outcome.Status} {attempt}");
            return ValueTask.FromResult(onFail(outcome, attempt));
        }

        public override ValueTask AbandonAsync(CancellationToken ct)
        {
            source.Settled.Enqueue($"{Event.Id} abandoned");
            return ValueTask.CompletedTask;
        }
    }
}
