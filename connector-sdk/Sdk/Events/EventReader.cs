using System.Runtime.CompilerServices;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Sdk.Topics;
using Microsoft.Extensions.Logging;

namespace Connectors.Sdk.Events;

/// <summary>
/// Reads the source without end: anew after a growing delay when it throws or ends. Begins once the topic map is known, lest an event pass for one that
/// nobody wants. The condition of readiness <c>event source</c> is its: not met from a failure, and from the start, until the source yields an event or
/// has been read in quiet for longer than it last took to fail, a minute at most.
/// </summary>
internal sealed class EventReader
{
    /// <summary>The condition of readiness that reading the source meets.</summary>
    public const string Condition = "event source";

    private static readonly TimeSpan MinDelay = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan MaxDelay = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan MinQuiet = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan MaxQuiet = TimeSpan.FromMinutes(1);

    private readonly IEventSource _source;
    private readonly LatestTopicMap _topics;
    private readonly Readiness _readiness;
    private readonly TimeProvider _time;
    private readonly Random _random;
    private readonly ILogger<EventReader> _log;
    private TimeSpan _quiet = MinQuiet;
    private bool _isMet;

    public EventReader(IEventSource source, LatestTopicMap topics, Readiness readiness, TimeProvider time, Random random, ILogger<EventReader> log)
    {
        (_source, _topics, _readiness, _time, _random, _log) = (source, topics, readiness, time, random, log);
        readiness.Announce(Condition);
    }

    /// <summary>Yields events until <paramref name="stoppingToken"/> is cancelled, which throws.</summary>
    public async IAsyncEnumerable<Received> ReadAsync(Slots slots, [EnumeratorCancellation] CancellationToken stoppingToken)
    {
        await _topics.FirstAsync(stoppingToken);
        for (var failures = 1; ; failures++)
        {
            var begun = _time.GetTimestamp();
            var events = Begin(slots, stoppingToken);
            try
            {
                while (events is not null && await HasNextAsync(events, stoppingToken))
                {
                    (failures, begun) = (0, _time.GetTimestamp());
                    yield return events.Current;
                }
            }
            finally
            {
                await EndAsync(events, stoppingToken);
            }

            stoppingToken.ThrowIfCancellationRequested();
            _quiet = TimeSpan.FromTicks(Math.Clamp(_time.GetElapsedTime(begun).Ticks * 2, MinQuiet.Ticks, MaxQuiet.Ticks));
            await Task.Delay(BackOff.Delay(BackOffKind.Equal, Math.Max(1, failures), MinDelay, MaxDelay, _random), _time, stoppingToken);
        }
    }

    private IAsyncEnumerator<Received>? Begin(Slots slots, CancellationToken stoppingToken)
    {
        try
        {
            return _source.ReadAsync(slots, stoppingToken).GetAsyncEnumerator(stoppingToken);
        }
        catch (Exception fault) when (fault is not ConfigurationException)
        {
            Fail(fault, stoppingToken);
            return null;
        }
    }

    private async Task<bool> HasNextAsync(IAsyncEnumerator<Received> events, CancellationToken stoppingToken)
    {
        try
        {
            var isThere = await NextAsync(events);
            if (isThere && events.Current is not null)
            {
                Met();
                return true;
            }

            Fail(new InvalidOperationException(isThere ? "The event source yielded null." : "The event source ended."), stoppingToken);
        }
        catch (Exception fault) when (fault is not ConfigurationException)
        {
            Fail(fault, stoppingToken);
        }

        return false;
    }

    private async Task<bool> NextAsync(IAsyncEnumerator<Received> events)
    {
        if (_isMet)
        {
            return await events.MoveNextAsync();
        }

        // Its end is waited for in any case: an enumerator must not be left while it runs.
        var next = events.MoveNextAsync().AsTask();
        if (!await Signal.CameAsync(next, _quiet, _time, CancellationToken.None))
        {
            Met();
        }

        return await next;
    }

    private async Task EndAsync(IAsyncEnumerator<Received>? events, CancellationToken stoppingToken)
    {
        try
        {
            await (events?.DisposeAsync() ?? ValueTask.CompletedTask);
        }
        catch (Exception fault) when (fault is not ConfigurationException)
        {
            Fail(fault, stoppingToken);
        }
    }

    private void Met()
    {
        if (!_isMet)
        {
            _isMet = true;
            _readiness.Met(Condition);
        }
    }

    private void Fail(Exception fault, CancellationToken stoppingToken)
    {
        if (!stoppingToken.IsCancellationRequested)
        {
            _isMet = false;
            _readiness.Lost(Condition, fault.GetBaseException().Message);
            Metrics.SourceFailed();
            Log.SourceFailed(_log, fault);
        }
    }
}
