using Connectors.QueueWorker.Dispatching;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using Microsoft.Extensions.Logging.Abstractions;

namespace Connectors.QueueWorker.Tests;

/// <summary>What a worker makes of what the watch tells it, and of what it wrote itself: its news given.</summary>
public sealed class KnownPausesTests
{
    private readonly string _queue = "q" + Guid.NewGuid().ToString("N")[..8];
    private readonly OpenBreaker _breaker = new() { Reason = "away", At = TimeProvider.System.GetUtcNow() };
    private readonly List<FunctionName> _changed = [];
    private readonly KnownPauses _known;

    public KnownPausesTests()
    {
        _known = new KnownPauses(_queue, TimeProvider.System, NullLogger.Instance) { Changed = _changed.AddRange };
        _known.Begin();
        _known.HeardAll();
    }

    // As in an outage, and after it. All of them are gone through when a watch begins anew, and only then.
    [Fact]
    public void Each_change_is_told_of_its_own_function_however_many_breakers_are_open()
    {
        const int many = 10_000;
        var functions = Enumerable.Range(0, many).Select(i => new FunctionName($"f{i}", "openfaas-fn")).ToList();
        for (var i = 0; i < many; i++)
        {
            Hear(functions[i], _breaker, (ulong)i + 1);
        }

        Assert.Equal(functions, _changed);
        _changed.Clear();
        _known.Begin();
        for (var i = 0; i < many; i++)
        {
            Hear(functions[i], _breaker, (ulong)i + 1);
        }

        Assert.Empty(_changed);
        _known.HeardAll();
        Assert.Equal(many, _changed.Count);

        _changed.Clear();
        for (var i = 0; i < many; i++)
        {
            Hear(functions[i], null, (ulong)(many + i) + 1);
        }

        Assert.Equal(functions, _changed);
        Assert.Empty(_known.Now.Breakers);
    }

    [Fact]
    public void What_is_of_another_queue_or_known_already_changes_nothing()
    {
        _known.Know(Bench.Echo, _breaker, 5);
        Assert.Single(_changed);

        Hear(Bench.Echo, _breaker, 5);
        _known.Hear(new BucketEntry(OpenBreaker.Key("other", Bench.Echo), _breaker.Encode(), 6, _breaker.At));
        _known.Hear(new BucketEntry("odd", [1], 7, _breaker.At));

        Assert.Single(_changed);
        Assert.Single(_known.Now.Breakers);
    }

    [Fact]
    public void A_pause_of_the_queue_is_told_without_a_function()
    {
        var told = new List<IReadOnlyCollection<FunctionName>>();
        _known.Changed = told.Add;

        _known.Hear(new BucketEntry(Pause.Key(_queue, null), new Pause { At = _breaker.At }.Encode(), 1, _breaker.At));
        _known.Hear(new BucketEntry(Pause.Key(_queue, Bench.Echo), new Pause { At = _breaker.At }.Encode(), 2, _breaker.At));

        Assert.Empty(told[0]);
        Assert.Equal(Bench.Echo, Assert.Single(told[1]));
        Assert.NotNull(_known.Now.Queue);
    }

    [Fact]
    public void A_breaker_that_was_closed_here_is_remembered_until_the_watch_has_told_of_it()
    {
        _known.Know(Bench.Echo, _breaker, 7);
        _known.Know(Bench.Echo, null, 9);

        Hear(Bench.Echo, _breaker, 7);
        Assert.Null(_known.Now.Breakers[Bench.Echo].Breaker);
        Hear(Bench.Echo, null, 9);
        Assert.Empty(_known.Now.Breakers);

        // An answer that was long on its way.
        _known.Know(Bench.Echo, _breaker, 7);
        Assert.Empty(_known.Now.Breakers);
        _known.Know(Bench.Echo, _breaker, 10);
        Assert.Same(_breaker, _known.Now.Breakers[Bench.Echo].Breaker);
    }

    [Fact]
    public void What_the_watch_tells_late_of_a_breaker_is_older_than_what_was_written_here()
    {
        _known.Know(Bench.Echo, _breaker, 7);

        Hear(Bench.Echo, null, 4);
        Assert.Same(_breaker, _known.Now.Breakers[Bench.Echo].Breaker);
        Hear(Bench.Echo, null, 8);
        Assert.Empty(_known.Now.Breakers);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_breaker_that_is_gone_is_known_to_be_unless_something_newer_is(bool wasTold)
    {
        if (wasTold)
        {
            Hear(Bench.Echo, _breaker, 7);
        }
        else
        {
            _known.Know(Bench.Echo, _breaker, 7);
        }

        var gone = _known.Now.Breakers[Bench.Echo];
        _known.Forget(Bench.Echo, gone);
        Assert.Null(_known.Now.Breakers.GetValueOrDefault(Bench.Echo)?.Breaker);

        // It was on its way when it was removed, where it had not been told.
        if (!wasTold)
        {
            Hear(Bench.Echo, _breaker, 7);
            Assert.Null(_known.Now.Breakers.GetValueOrDefault(Bench.Echo)?.Breaker);
        }

        // The very next number: nothing was written when it was removed.
        _known.Know(Bench.Echo, _breaker, 8);
        _known.Forget(Bench.Echo, gone);
        Assert.Same(_breaker, _known.Now.Breakers[Bench.Echo].Breaker);
    }

    // A bucket that was made anew gives its numbers out again; until all of it is told, what was known before holds.
    [Fact]
    public void A_watch_that_begins_anew_tells_all_and_what_it_leaves_out_is_over()
    {
        var other = Bench.Echo with { Name = "other" };
        Hear(Bench.Echo, _breaker, 70);
        _known.Begin();
        Assert.Single(_known.Now.Breakers);
        _known.Know(other, _breaker, 2);
        Assert.Equal(2, _known.Now.Breakers.Count);

        _known.HeardAll();

        Assert.Equal(other, Assert.Single(_known.Now.Breakers).Key);
    }

    private void Hear(FunctionName function, OpenBreaker? breaker, ulong revision) =>
        _known.Hear(new BucketEntry(OpenBreaker.Key(_queue, function), breaker?.Encode(), revision, _breaker.At));
}
