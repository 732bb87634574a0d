using Connectors.Gateway.Enqueueing;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using NATS.Client.Core;

namespace Connectors.Gateway.Queues;

/// <summary>
/// Which queues and functions are paused: the bucket <c>OF_paused</c>, which workers watch (R22 of docs/delivery-states.md). It is watched into memory here too: where
/// much cannot be reached it has a record for each function, each of which changes with every probe. While it cannot be watched, what was known last holds.
/// </summary>
internal sealed class PauseBook(NatsLink link, QueueOptions options, TimeProvider time, ILogger<PauseBook> log) : IDuty
{
    private static readonly TimeSpan AfterFault = TimeSpan.FromSeconds(1);

    // How long the watch may take to tell what the bucket has.
    private static readonly TimeSpan MaxLag = TimeSpan.FromSeconds(4);

    // So far may the clocks of this gateway and of the server be apart.
    private static readonly TimeSpan MaxSkew = TimeSpan.FromHours(1);

    private readonly TimeSpan _markerAge = BucketShape.Paused(options.Limits).MarkerAge;
    private readonly Bucket _bucket = new(link, BucketShape.Paused(options.Limits), options.PublishTimeout, time);
    private readonly Signal _heard = new();
    private volatile Known? _now;

    // Set when the bucket has what the watch did not tell, as when entries were removed from its stream: the watch begins anew, once for each such state.
    private readonly Signal _doubt = new();
    private volatile BucketState? _doubted;

    // Why it could not be watched when that was tried last; null if it could.
    private string? _trouble;

    /// <summary>Everything that is paused, as it was told last: no request is made for it.</summary>
    /// <param name="ct">Gives up waiting for what is told first.</param>
    public async Task<PausedThings> KnownAsync(CancellationToken ct)
    {
        await _heard.UntilAsync(() => _now is not null, ct);
        return _now!.Things;
    }

    /// <summary>Everything that is paused, with all that anybody wrote before.</summary>
    /// <exception cref="NatsException">The bucket does not answer, or cannot be watched.</exception>
    public async Task<PausedThings> ReadAsync(CancellationToken ct)
    {
        var state = await _bucket.StateAsync(ct);
        using var limit = new TimeLimit(MaxLag, time, ct);
        try
        {
            await _heard.UntilAsync(() => _now is { } now && (now.Revision >= state.LastRevision || state == _doubted), limit.Token);
        }
        catch (OperationCanceledException) when (limit.IsOver)
        {
            // What is known counts.
        }

        var known = _now ?? throw new NatsException($"The bucket {StreamNames.Paused} cannot be watched");
        if (state != _doubted && (known.Revision < state.LastRevision || (known.Revision == state.LastRevision && !Fit(known.Keys, state.Keys))))
        {
            _doubted = state;
            _doubt.Set();
        }

        return known.Things;
    }

    /// <summary>Returns once it is stored. One that was there before is replaced, reason and time too.</summary>
    public Task PauseAsync(string queue, FunctionName? function, Pause pause, CancellationToken ct) => _bucket.PutAsync(Pause.Key(queue, function), pause.Encode(), ct);

    /// <summary>Returns once it is gone, whether it was there or not; a function's open breaker too.</summary>
    public async Task ResumeAsync(string queue, FunctionName? function, CancellationToken ct)
    {
        await _bucket.DeleteAsync(Pause.Key(queue, function), ct);
        if (function is { } one)
        {
            await _bucket.DeleteAsync(OpenBreaker.Key(queue, one), ct);
        }
    }

    public async Task RunAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await WatchAsync(stoppingToken);
            }
            catch (Exception fault) when (fault is not OperationCanceledException)
            {
                if (fault.Message != _trouble)
                {
                    _trouble = fault.Message;
                    Log.PausesNotRead(log, StreamNames.Paused, fault.Message);
                }
            }
            catch (OperationCanceledException)
            {
                // Stopping, or in doubt.
            }

            await Task.Delay(AfterFault, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    // What is told first stands for the bucket as a whole: a pause that is not among it has ended meanwhile.
    private async Task WatchAsync(CancellationToken stopping)
    {
        var doubt = _doubt.Next;

        // What the watch does not tell of up to there is not there any more: what is left of a deletion goes after a while, though it was written last.
        await link.OpenAsync(stopping);
        var begun = (await _bucket.StateAsync(stopping)).LastRevision;
        var (told, isAllTold) = (new Known(PausedThings.None, 0, ToldKeys.None), false);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        var watching = _bucket.WatchAsync(
            entry =>
            {
                told = new Known(told.Things.With(entry), entry.Revision, told.Keys.With(entry));
                if (isAllTold)
                {
                    Take(told);
                }
            },
            () =>
            {
                isAllTold = true;
                _trouble = null;
                told = told with { Revision = Math.Max(told.Revision, begun) };
                Take(told);
            },
            end.Token);
        await Task.WhenAny(watching, doubt);
        await end.CancelAsync();
        await watching;
    }

    private bool Fit(ToldKeys told, long keys) => told.Fit(keys, time.GetUtcNow() - _markerAge + MaxSkew);

    private void Take(Known told)
    {
        _now = told;
        _heard.Set();
    }

    /// <summary>What is known.</summary>
    /// <param name="Things">What is paused.</param>
    /// <param name="Revision">The bucket's revision up to which all was told that is there.</param>
    /// <param name="Keys">Which of its keys were told of.</param>
    private sealed record Known(PausedThings Things, ulong Revision, ToldKeys Keys);
}
