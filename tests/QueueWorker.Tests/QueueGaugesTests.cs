using System.Globalization;
using Connectors.QueueWorker.Consuming;
using Connectors.QueueWorker.Settling;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using NATS.Client.JetStream.Models;

namespace Connectors.QueueWorker.Tests;

/// <summary>What is shown of functions that have no call any more, and of those that nobody has listed.</summary>
public sealed class QueueGaugesTests
{
    private readonly string _queue = "q" + Guid.NewGuid().ToString("N")[..8];
    private readonly FakeTimeProvider _time = new();
    private readonly QueueGauges _gauges;

    public QueueGaugesTests()
    {
        var options = QueueWorkerOptions.Read(new Settings(new Dictionary<string, string> { ["queue_name"] = _queue }));
        var link = new NatsLink(
            new NatsOptions { Host = "127.0.0.1", Port = 1, Access = new BrokerAccess(), HostOption = "nats_host" },
            new NatsRole("test", IsNeeded: true, () => { }),
            new Readiness(),
            _time,
            NullLoggerFactory.Instance);
        var waiting = new WaitingRetries(_time);
        _gauges = new QueueGauges(options, waiting, new Reporting(options, new WorkerReports(link, _time), waiting), _time);
    }

    // A name in a thousand that is called once would be told of for ever.
    [Fact]
    public async Task They_have_none_for_ten_minutes_and_then_are_not_told_of()
    {
        var (waits, lies) = (StreamNames.CallSubject(_queue, Priority.Normal, Bench.Echo), StreamNames.AsideSubject(_queue, AsideGroup.Held(Bench.Echo), Priority.Normal, Bench.Echo));
        Show([waits], [lies]);
        Assert.Equal("1 0 1", await ShownAsync());

        _time.Advance(TimeSpan.FromMinutes(10));
        Show([], []);
        Assert.Equal("0 0 0", await ShownAsync());

        _time.Advance(TimeSpan.FromMinutes(1));
        Show([], []);
        Assert.Equal("- - -", await ShownAsync());

        Show([waits], [lies]);
        Assert.Equal("1 0 1", await ShownAsync());
    }

    // Each has some fifty samples in every scrape.
    [Fact]
    public async Task What_was_counted_of_functions_without_calls_for_more_than_a_day_is_gone_and_begins_anew_when_they_come_back()
    {
        var (waits, lies) = (Name("f1"), Name("f2"));
        var (calls, aside) = (StreamNames.CallSubject(_queue, Priority.Normal, waits), StreamNames.AsideSubject(_queue, AsideGroup.Held(lies), Priority.Normal, lies));
        foreach (var i in Enumerable.Range(0, 50))
        {
            Call(Name($"f{i}"));
        }

        var running = Metrics.Count(_queue, Bench.Call(Name("runs")));
        running.Began();
        Show([], []);
        _time.Advance(TimeSpan.FromHours(24));
        Call(Name("f0"));
        Show([calls], [aside]);
        Assert.Equal(51, (await Samples.FunctionsAsync(_queue)).Count);

        _time.Advance(TimeSpan.FromHours(2));
        Show([calls], [aside]);
        Assert.Equal(["f0.ns", "f1.ns", "f2.ns", "runs.ns"], await Samples.FunctionsAsync(_queue));

        running.Over();
        running.Dispose();
        Call(Name("f0"));
        Call(Name("f9"));
        Assert.Equal(3, await CountedAsync("f0.ns"));
        Assert.Equal(1, await CountedAsync("f9.ns"));
    }

    [Fact]
    public async Task Of_very_many_functions_those_without_calls_for_longest_are_gone_after_ten_minutes()
    {
        foreach (var i in Enumerable.Range(0, 200))
        {
            Call(Name($"old{i}"));
        }

        Show([], []);
        _time.Advance(TimeSpan.FromMinutes(1));
        foreach (var i in Enumerable.Range(0, 1_000))
        {
            Call(Name($"new{i}"));
        }

        Show([], []);
        _time.Advance(TimeSpan.FromMinutes(8));
        Show([], []);
        Assert.Equal(1_200, (await Samples.FunctionsAsync(_queue)).Count);

        _time.Advance(TimeSpan.FromMinutes(4));
        Show([], []);
        var left = await Samples.FunctionsAsync(_queue);
        Assert.Equal(1_000, left.Count);
        Assert.All(left, function => Assert.StartsWith("new", function, StringComparison.Ordinal));
    }

    // Whoever calls chooses the name.
    [Fact]
    public async Task All_functions_that_nobody_has_listed_are_counted_as_one_and_told_of_by_name_while_they_run()
    {
        foreach (var i in Enumerable.Range(0, 50))
        {
            Call(Name($"none{i}"), isUnlisted: true);
        }

        var name = new FunctionName("none", _queue);
        using (var running = Metrics.Count(_queue, Bench.Call(name) with { IsUnlisted = true }))
        {
            running.Began();
            Assert.Equal(1, Metrics.Running()[name.ToString()]);
            running.Over();
        }

        Assert.DoesNotContain(name.ToString(), Metrics.Running().Keys);
        Assert.Equal(["unknown"], await Samples.FunctionsAsync(_queue));
        Assert.Equal(50, await CountedAsync("unknown"));

        Show([], []);
        _time.Advance(TimeSpan.FromHours(30));
        Show([], []);
        Assert.Equal(50, await CountedAsync("unknown"));
    }

    private static FunctionName Name(string name) => new(name, "ns");

    private void Call(FunctionName function, bool isUnlisted = false)
    {
        var envelope = Bench.Call(function) with { IsUnlisted = isUnlisted };
        using (var call = Metrics.Count(_queue, envelope))
        {
            call.Began();
            call.Over();
            call.Attempted(200, TimeSpan.FromSeconds(1));
        }

        Metrics.Ended(_queue, envelope, EndStates.Succeeded);
    }

    private Task<double?> CountedAsync(string function) => Samples.ReadAsync("queue_worker_call_duration_seconds_count", _queue, function);

    private void Show(string[] calls, string[] aside)
    {
        _gauges.Show(Of(calls));
        var counts = new AsideCounts();
        counts.Add(Of(aside));
        _gauges.ShowAside(counts);
    }

    private static StreamInfo Of(string[] subjects) => new()
    {
        Config = new StreamConfig("S", ["s.>"]),
        State = new StreamState { Messages = subjects.Length, LastSeq = 1, NumSubjects = subjects.Length, Subjects = subjects.ToDictionary(subject => subject, _ => 1L) },
    };

    // Waiting, delayed and held calls.
    private async Task<string> ShownAsync()
    {
        var shown = new List<string>();
        foreach (var gauge in new[] { "pending_messages", "delayed_calls", "held_calls" })
        {
            var value = await Samples.ReadAsync($"queue_worker_{gauge}", _queue, Bench.Echo.ToString());
            shown.Add(value?.ToString(CultureInfo.InvariantCulture) ?? "-");
        }

        return string.Join(' ', shown);
    }
}
