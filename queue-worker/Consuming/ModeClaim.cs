using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using Connectors.Sdk.Hosting;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Connectors.QueueWorker.Consuming;

/// <summary>
/// Which mode the queue is in stands in its stream's metadata. A worker that starts in the other mode rewrites it and deletes the other mode's consumers;
/// a worker that finds it rewritten stops pulling. So filters never overlap, and two modes never take the same call but for what was in flight.
/// </summary>
internal sealed class ModeClaim(QueueWorkerOptions options, Broker broker, Readiness readiness, Suspicion suspicion, TimeProvider time, ILogger<ModeClaim> log) : IDisposable
{
    private const string Condition = "mode";
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(1);

    private readonly SemaphoreSlim _asking = new(1, 1);
    private readonly string _mine = Word(options.Consuming.Mode);
    private CancellationTokenSource _held = new();
    private TaskCompletionSource _regained = new();
    private bool _isClaimed;
    private long _confirmed;

    /// <summary>Whether this worker may take calls.</summary>
    public bool IsHeld => _isClaimed && !_held.IsCancellationRequested;

    /// <summary>Cancelled when the queue goes over to the other mode.</summary>
    public CancellationToken Held => _held.Token;

    /// <summary>Completes when the queue is in this worker's mode.</summary>
    public Task HeldAsync(CancellationToken ct) => _regained.Task.WaitAsync(ct);

    /// <summary>Compares the stream's mode with ours, and claims it at our start or when nobody has.</summary>
    public async Task KeepAsync(StreamInfo stream, CancellationToken ct)
    {
        var found = Found(stream);
        if (found is null || !_isClaimed)
        {
            await ClaimAsync(stream.Config, found, ct);
            found = _mine;
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
                var stream = await broker.JetStream.GetStreamAsync(StreamNames.Calls(options.Queue), cancellationToken: ct);
                if (Found(stream.Info) != _mine)
                {
                    suspicion.Raise();
                    return false;
                }

                _confirmed = time.GetTimestamp();
            }

            return IsHeld;
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
        await foreach (var name in broker.JetStream.ListConsumerNamesAsync(stream, ct))
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
        _held.Dispose();
        _asking.Dispose();
    }

    private static string? Found(StreamInfo stream) => stream.Config.Metadata?.TryGetValue(StreamNames.ModeKey, out var word) == true ? word : null;

    private static string Word(ScalingMode mode) => mode == ScalingMode.Static ? "static" : "function";

    private bool IsOfOtherMode(string consumer) =>
        options.Consuming.Mode == ScalingMode.Static
            ? consumer.StartsWith("fn:", StringComparison.Ordinal)
            : consumer is StreamNames.StaticHigh or StreamNames.StaticNormal;

    private async Task ClaimAsync(StreamConfig config, string? found, CancellationToken ct)
    {
        var isFunction = options.Consuming.Mode == ScalingMode.Function;
        if (found != _mine || (config.Republish is not null) != isFunction)
        {
            var metadata = new Dictionary<string, string>(config.Metadata ?? new Dictionary<string, string>()) { [StreamNames.ModeKey] = _mine };
            var hints = new Republish { Src = StreamNames.CallSubjects(options.Queue), Dest = StreamNames.Hints(options.Queue), HeadersOnly = true };
            await broker.JetStream.UpdateStreamAsync(config with { Metadata = metadata, Republish = isFunction ? hints : null }, ct);
        }

        if (await ClearAsync(ct))
        {
            // What the others had in flight may still end; its leases end with this wait.
            Log.ModeSwitched(log, options.Queue, found ?? "", _mine);
            await Task.Delay(options.Consuming.AckWait, time, ct);
        }

        _isClaimed = true;
    }

    private async Task DeleteAsync(string stream, string consumer, CancellationToken ct)
    {
        try
        {
            await broker.JetStream.DeleteConsumerAsync(stream, consumer, ct);
        }
        catch (NatsJSApiException gone) when (gone.Error.Code == 404)
        {
            // It lapsed by itself.
        }
    }

    private void Regain()
    {
        readiness.Met(Condition);
        if (_held.IsCancellationRequested)
        {
            _held.Dispose();
            _held = new CancellationTokenSource();
            Log.ModeRegained(log, options.Queue, _mine);
        }

        _regained.TrySetResult();
    }

    private async Task LoseAsync(string found)
    {
        if (!_held.IsCancellationRequested)
        {
            _regained = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            readiness.Lost(Condition, $"the queue is in {found} mode");
            Log.ModeLost(log, options.Queue, _mine, found);
            await _held.CancelAsync();
        }
    }
}
