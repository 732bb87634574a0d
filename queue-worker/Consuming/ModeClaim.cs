using System.Globalization;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Connectors.QueueWorker.Consuming;

/// <summary>
/// Which mode the queue is in stands in its stream's metadata. A worker that starts in the other mode rewrites it and deletes the other mode's consumers;
/// a worker that finds it rewritten stops pulling.
/// </summary>
/// <remarks>
/// The invariant: consumers of two modes never exist side by side for longer than the losing worker takes to notice, for their filters overlap, and a call
/// that both deliver runs twice. Two things keep it. The server refuses a consumer whose filter overlaps with another's, and whoever meets that clears the
/// other mode's. And nobody makes a consumer without having read the metadata within the last second:
/// <code>
/// new worker (function)  writes "function" and the server's time, deletes static-high and static-normal, waits one ack_wait for what was in flight
/// another (function)     reads "function" and both times, the switch's and now: waits for what is left of that ack_wait, whatever its own clock says
/// either, after it       reads once more: if it is "static" again by then, it takes nothing
/// old worker (static)    its pull ends in 409; it reads "function": stops pulling, finishes what runs, is not ready
/// old worker, too late   made static-normal again just before: the new worker's consumer is refused, it clears and binds again
/// back to static         a static worker starts and writes "static": the old worker reads that, waits as well, and takes calls again
/// </code>
/// </remarks>
internal sealed class ModeClaim(QueueWorkerOptions options, NatsLink link, Readiness readiness, Recheck recheck, TimeProvider time, ILogger<ModeClaim> log) : IDisposable
{
    private const string Condition = "mode";
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(1);

    private readonly SemaphoreSlim _asking = new(1, 1);
    private readonly string _mine = Word(options.Consuming.Mode);
    private CancellationTokenSource _lost = new();
    private TaskCompletionSource _ours = new();
    private bool _isClaimed;
    private long _confirmed;

    // The last switch that was met, how much of its wait was left then, and when that was, as a timestamp.
    private (string? At, TimeSpan Left, long Met) _switch;

    /// <summary>Whether this worker may take calls.</summary>
    public bool IsOurs => _isClaimed && !_lost.IsCancellationRequested;

    /// <summary>Called with the stream when it was looked at, and when it was asked for, as a timestamp.</summary>
    public Action<StreamInfo, long>? Looked { get; set; }

    /// <summary>Cancelled when the queue goes over to the other mode.</summary>
    public CancellationToken Lost => _lost.Token;

    /// <summary>Completes when the queue is in this worker's mode.</summary>
    public Task OursAsync(CancellationToken ct) => _ours.Task.WaitAsync(ct);

    /// <summary>The stream of calls as we make it: in our mode, so that nobody has to claim it, and write over what another service brings in line with its options meanwhile.</summary>
    public StreamShape InOurMode(StreamShape calls) => calls with { Mode = _mine, Hints = IsFunction ? StreamNames.Hints(options.Queue) : null };

    /// <summary>Compares the stream's mode with ours, and claims it at our start or when nobody has.</summary>
    public async Task KeepAsync(StreamInfo stream, CancellationToken ct)
    {
        var found = Found(stream);
        if (found is null || !_isClaimed)
        {
            found = await ClaimAsync(stream, found, ct);
        }
        else if (found == _mine && _lost.IsCancellationRequested && LeftOfSwitch(stream) > TimeSpan.Zero)
        {
            // A later look finds that it is over; callbacks and what lies aside do not wait for it.
            return;
        }

        _confirmed = time.GetTimestamp();
        if (found == _mine)
        {
            Regain();
        }
        else
        {
            await LoseAsync(found);
        }
    }

    /// <summary>Whether the queue is still in our mode, known within the last second or asked now. To be asked before a consumer is made.</summary>
    public async Task<bool> ConfirmAsync(CancellationToken ct)
    {
        await _asking.WaitAsync(ct);
        try
        {
            if (time.GetElapsedTime(_confirmed) > Fresh)
            {
                var asked = time.GetTimestamp();
                var stream = await AskAsync(ct);
                Looked?.Invoke(stream, asked);
                if (Found(stream) != _mine)
                {
                    recheck.Request();
                    return false;
                }

                _confirmed = time.GetTimestamp();
            }

            return IsOurs;
        }
        finally
        {
            _asking.Release();
        }
    }

    /// <summary>Deletes consumers of the other mode. True if there were any.</summary>
    public async Task<bool> ClearAsync(CancellationToken ct)
    {
        var stream = StreamNames.Calls(options.Queue);
        var others = new List<string>();
        await foreach (var name in link.JetStream.ListConsumerNamesAsync(stream, ct))
        {
            if (IsOfOtherMode(name))
            {
                others.Add(name);
            }
        }

        foreach (var name in others)
        {
            await DeleteAsync(stream, name, ct);
        }

        return others.Count > 0;
    }

    public void Dispose()
    {
        _lost.Dispose();
        _asking.Dispose();
    }

    private bool IsFunction => options.Consuming.Mode == ScalingMode.Function;

    private static string? Found(StreamInfo stream) => stream.Config.Metadata?.TryGetValue(StreamNames.ModeKey, out var word) == true ? word : null;

    private static string Word(ScalingMode mode) => mode == ScalingMode.Static ? "static" : "function";

    private bool IsOfOtherMode(string consumer) =>
        options.Consuming.Mode == ScalingMode.Static
            ? StreamNames.IsFunctionConsumer(consumer)
            : consumer is StreamNames.StaticHigh or StreamNames.StaticNormal;

    // Returns the mode that the queue is in then: another worker may have switched it during the wait.
    private async Task<string> ClaimAsync(StreamInfo stream, string? found, CancellationToken ct)
    {
        var config = stream.Config;
        var isSwitch = found is not null && found != _mine;
        if (found != _mine || (config.Republish is not null) != IsFunction)
        {
            var metadata = new Dictionary<string, string>(config.Metadata ?? new Dictionary<string, string>()) { [StreamNames.ModeKey] = _mine };
            if (isSwitch)
            {
                // It may have been looked at some seconds ago.
                metadata[StreamNames.ModeSinceKey] = TimeOf(await AskAsync(ct)).ToString("O", CultureInfo.InvariantCulture);
            }

            var hints = new Republish { Src = StreamNames.CallSubjects(options.Queue), Dest = StreamNames.Hints(options.Queue), HeadersOnly = true };
            await link.JetStream.UpdateStreamAsync(config with { Metadata = metadata, Republish = IsFunction ? hints : null }, ct);
        }

        var hasCleared = await ClearAsync(ct);
        if (isSwitch || hasCleared)
        {
            Log.ModeSwitched(log, options.Queue, found ?? "", _mine);
        }

        // What the others had in flight may still end; its leases end with this wait. Of two that switch at once only one finds consumers to delete.
        var left = isSwitch || hasCleared ? options.Consuming.AckWait : LeftOfSwitch(stream);
        if (left <= TimeSpan.Zero)
        {
            _isClaimed = true;
            return _mine;
        }

        Log.ModeWaits(log, options.Queue, _mine, left);
        await Task.Delay(left, time, ct);
        _isClaimed = true;
        return Found(await AskAsync(ct)) ?? _mine;
    }

    private async Task<StreamInfo> AskAsync(CancellationToken ct) => (await link.JetStream.GetStreamAsync(StreamNames.Calls(options.Queue), cancellationToken: ct)).Info;

    // By the server's clock, which is one for all workers; by this worker's where it does not say.
    private DateTimeOffset TimeOf(StreamInfo stream) => stream.Ts == default ? time.GetUtcNow() : stream.Ts;

    // Of the ack_wait that begins with a switch: no more than all of it from when the switch was met, though a clock was set meanwhile, or an older worker wrote down its own.
    private TimeSpan LeftOfSwitch(StreamInfo stream)
    {
        if (stream.Config.Metadata?.TryGetValue(StreamNames.ModeSinceKey, out var at) != true
            || !DateTimeOffset.TryParse(at, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var since))
        {
            return TimeSpan.Zero;
        }

        if (_switch.At != at)
        {
            var left = since + options.Consuming.AckWait - TimeOf(stream);
            _switch = (at, left < options.Consuming.AckWait ? left : options.Consuming.AckWait, time.GetTimestamp());
        }

        return _switch.Left - time.GetElapsedTime(_switch.Met);
    }

    private async Task DeleteAsync(string stream, string consumer, CancellationToken ct)
    {
        try
        {
            await link.JetStream.DeleteConsumerAsync(stream, consumer, ct);
        }
        catch (NatsJSApiException gone) when (gone.IsNotFound())
        {
            // It lapsed by itself.
        }
    }

    private void Regain()
    {
        readiness.Met(Condition);
        if (_lost.IsCancellationRequested)
        {
            _lost.Dispose();
            _lost = new CancellationTokenSource();
            Log.ModeRegained(log, options.Queue, _mine);
        }

        _ours.TrySetResult();
    }

    private async Task LoseAsync(string found)
    {
        if (!_lost.IsCancellationRequested)
        {
            _ours = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            readiness.Lost(Condition, $"the queue is in {found} mode");
            Log.ModeLost(log, options.Queue, _mine, found);
            await _lost.CancelAsync();
        }
    }
}
