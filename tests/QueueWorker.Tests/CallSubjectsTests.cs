using Connectors.QueueWorker.Consuming;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.QueueWorker.Tests;

/// <summary>Whose calls stand on which subject; what is remembered of it is the very same when it is asked for again.</summary>
public sealed class CallSubjectsTests
{
    private const string Queue = "q";

    private readonly CallSubjects _subjects = new(Queue, new Partition(1, 0));

    [Fact]
    public void A_subject_is_read_once_however_many_functions_have_come_and_gone()
    {
        for (var i = 0; i < 20_000; i++)
        {
            _subjects.Forget(_subjects.Of(Subject($"f{i}")).Function);
        }

        var first = _subjects.Of(Subject("one"));
        var second = _subjects.Of(Subject("one"));

        Assert.Equal((new FunctionName("one", "openfaas-fn"), Priority.Normal), first);
        Assert.Same(first.Function.Name, second.Function.Name);
    }

    [Fact]
    public void A_subject_that_is_asked_for_now_and_then_is_not_read_anew_for_others()
    {
        var name = _subjects.Of(Subject("one")).Function.Name;
        for (var i = 0; i < 50_000; i++)
        {
            _subjects.Of(Subject($"f{i}"));
            if (i % 5_000 == 0)
            {
                Assert.Same(name, _subjects.Of(Subject("one")).Function.Name);
            }
        }
    }

    [Fact]
    public void What_stands_on_no_functions_subject_has_a_made_up_name_whose_calls_are_found_there()
    {
        var odd = $"{Queue}.call.normal.too.many.tokens";
        var (function, priority) = _subjects.Of(odd);

        Assert.True(CallSubjects.IsForeign(function));
        Assert.Equal(odd, _subjects.Filter(function, priority));
        _subjects.Forget(function);
        Assert.Equal((function, priority), _subjects.Of(odd));
        Assert.Equal(odd, _subjects.Filter(function, priority));

        Assert.False(CallSubjects.IsForeign(Bench.Echo));
        Assert.Equal(Subject("echo"), _subjects.Filter(Bench.Echo, Priority.Normal));
    }

    private static string Subject(string name) => StreamNames.CallSubject(Queue, Priority.Normal, new FunctionName(name, "openfaas-fn"));
}
