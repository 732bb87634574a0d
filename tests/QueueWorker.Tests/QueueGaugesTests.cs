using System.Globalization;
using Connectors.QueueWorker.Consuming;
using Connectors.QueueWorker.Settling;
using Connectors.Sdk.Hosting;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using NATS.Client.JetStream.Models;

namespace Connectors.QueueWorker.Tests;

/// <summary>What is shown of functions that have no call any more.</summary>
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
