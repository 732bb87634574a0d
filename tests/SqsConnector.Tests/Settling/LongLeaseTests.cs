using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json;
using Connectors.Sqs.Queues;
using Connectors.Sqs.Settling;
using Connectors.Testing;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;

namespace Connectors.Sqs.Tests.Settling;

/// <summary>SQS hides a message for 12 hours from its receive on, and refuses what goes beyond: a test's clock tells the hours.</summary>
public sealed class LongLeaseTests(QueueServer server) : IAsyncLifetime
{
    private const int MaxSeconds = 12 * 60 * 60;

    // Moved only while no request is under way: those have limits by it.
    private readonly FakeTimeProvider _time = new();
    private readonly Told _told = new();
    private readonly ConcurrentQueue<int> _asked = new();
    private readonly ConcurrentQueue<int> _refused = new();
    private QueueProxy _proxy = null!; // set before each test

    public async ValueTask InitializeAsync() => _proxy = await QueueProxy.StartAsync(server.Server.Url);

    public ValueTask DisposeAsync() => _proxy.DisposeAsync();

    [Theory]
    [InlineData("6h", 3)]
    [InlineData("12h", 0)]
    public async Task What_is_asked_for_never_goes_beyond_the_hours_that_sqs_has(string visibility, int renewals)
    {
        var (settler, lease) = await ReceiveAsync(visibility);
        await using var _ = settler;
        for (var i = 1; i <= renewals; i++)
        {
            var before = lease.Granted;
            _time.Advance(TimeSpan.FromHours(2));
            await Eventually.HoldsAsync(() => lease.Granted != before && !lease.IsRenewing, "it is renewed");
        }

        _time.Advance(TimeSpan.FromHours(11.5 - (2 * renewals)));
        var requests = Requests();
        settler.GiveBack(lease, TimeSpan.FromHours(6));
        await Eventually.HoldsAsync(
            () =>
            {
                // In small steps: one that is on its way and has not come yet has ten seconds.
                if (Requests() == requests)
                {
                    _time.Advance(TimeSpan.FromMilliseconds(5));
                }

                return _asked.Count > renewals || lease.IsLost;
            },
            "it is given back");

        Assert.False(lease.IsLost);
        Assert.Empty(_refused);
        Assert.Equal(renewals + 1, _asked.Count);
        Assert.InRange(_asked.Last(), 28 * 60, 29 * 60);

        int Requests() => _proxy.Requests("ChangeMessageVisibilityBatch").Count();
    }

    [Fact]
    public async Task The_shortest_time_is_renewed_before_it_has_run_out()
    {
        var (settler, lease) = await ReceiveAsync("1s");
        await using var _ = settler;
        var before = lease.Granted;

        _time.Advance(TimeSpan.FromMilliseconds(400));

        await Eventually.HoldsAsync(() => lease.Granted != before, "it is renewed");
        Assert.Equal([1], _asked);
    }

    [Fact]
    public async Task A_time_that_is_refused_does_not_mean_that_the_message_is_gone()
    {
        var (settler, lease) = await ReceiveAsync("6h", elapsed: 7 * 60 * 60);
        await using var _ = settler;

        _time.Advance(TimeSpan.FromHours(2));

        await Eventually.HoldsAsync(() => _told.Lines >= 1, "a renewal is refused, and that is told");
        Assert.NotEmpty(_refused);
        Assert.False(lease.IsLost);
    }

    private async Task<(Settler Settler, Lease Lease)> ReceiveAsync(string visibility, int elapsed = 0)
    {
        var name = await server.CreateAsync("hours");
        await server.SendAsync(name, "x");
        var options = Running.Options(("queue_url", server.Url(name)), ("AWS_ENDPOINT_URL_SQS", _proxy.Url.AbsoluteUri), ("visibility_timeout", visibility));
        var queue = new Queue(options.Queues[0], options, _time);
        var received = _time.GetTimestamp();
        _proxy.Instead = (operation, request) => operation == "ChangeMessageVisibilityBatch" ? Change(request, _time.GetElapsedTime(received).TotalSeconds + elapsed) : null;
        var message = Assert.Single(await queue.ReceiveAsync(1, TimeSpan.Zero, CancellationToken.None, CancellationToken.None));
        var settler = new Settler(queue, options, _time, new Random(1), _told);
        return (settler, settler.Hold(message, received));
    }

    // As SQS does, in its words.
    private (int, string) Change(RecordedRequest request, double elapsed)
    {
        using var json = JsonDocument.Parse(request.Body);
        var seconds = json.RootElement.GetProperty("Entries").EnumerateArray().Single().GetProperty("VisibilityTimeout").GetInt32();
        if (elapsed + seconds <= MaxSeconds)
        {
            _asked.Enqueue(seconds);
            return (200, """{"Successful":[{"Id":"0"}],"Failed":[]}""");
        }

        _refused.Enqueue(seconds);
        return (200, $$"""
            {"Successful":[],"Failed":[{"Id":"0","Code":"InvalidParameterValue","SenderFault":true,"Message":"Value {{seconds.ToString(CultureInfo.InvariantCulture)}} for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the message is beyond the limit [43200 seconds]."}]}
            """);
    }

    private sealed class Told : ILogger<Settler>
    {
        private int _lines;

        public int Lines => Volatile.Read(ref _lines);

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => Interlocked.Increment(ref _lines);
    }
}
