using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Connectors.Gateway.History;

/// <summary>One queue's history, followed.</summary>
internal sealed class FollowedQueue(string queue, StreamInfo first, QueueIndex index, NatsLink link, TimeProvider time, ILogger log) : IAsyncDisposable
{
    private const int AtOnce = 200;

    // Of one message, as workers write them.
    private const long MaxBytes = 32 * 1024;
    private static readonly TimeSpan Expires = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Idle = TimeSpan.FromSeconds(60);

    private readonly TaskCompletionSource _caughtUp = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly DateTimeOffset _created = first.Created;
    private CancellationTokenSource? _ending;
    private Task _following = Task.CompletedTask;

    // As it was found last.
    private volatile StreamInfo _seen = first;
    private volatile INatsJSStream? _stream;

    // Why it could not be read when that was tried last.
    private string? _trouble;

    /// <summary>Between two tries.</summary>
    public static TimeSpan Pause { get; } = TimeSpan.FromMilliseconds(500);

    public QueueIndex Index => index;

    /// <summary>Ends once everything that was there at first is in the index.</summary>
    public Task CaughtUp => _caughtUp.Task;

    /// <summary>The stream, to be read from.</summary>
    public async Task<INatsJSStream> StreamAsync(CancellationToken ct) => _stream ??= await link.JetStream.GetStreamAsync(StreamNames.History(queue), cancellationToken: ct);

    /// <summary>Whether it is the same stream still, and not another one of that name, or one that has lost what it had.</summary>
    /// <param name="stream">As it was found.</param>
    /// <param name="lastSeq">The last message that was in the index before it was asked for.</param>
    public bool IsOf(StreamInfo stream, ulong lastSeq) => stream.Created == _created && stream.State.LastSeq >= lastSeq;

    /// <summary>Waits until a message is in the index that is in the stream.</summary>
    public async Task TakeInAsync(ulong seq, CancellationToken ct)
    {
        while (index.LastSeq < seq)
        {
            await Task.Delay(Pause / 10, time, ct);
        }
    }

    public void See(StreamInfo stream)
    {
        _seen = stream;
        index.DropBefore(stream.State.FirstSeq);
    }

    public void Start(CancellationToken stopping)
    {
        _ending = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        _following = FollowAsync(_ending.Token);
    }

    public async ValueTask DisposeAsync()
    {
        if (_ending is not null)
        {
            await _ending.CancelAsync();
            await _following.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            _ending.Dispose();
        }
    }

    private async Task FollowAsync(CancellationToken ct)
    {
        while (true)
        {
            try
            {
                await ReadAsync(ct);
            }
            catch (Exception fault) when (!ct.IsCancellationRequested)
            {
                // A stream whose servers are away is so for long.
                if (fault.Message != _trouble)
                {
                    _trouble = fault.Message;
                    Log.HistoryNotRead(log, queue, fault.Message);
                }
            }

            await Task.Delay(Pause, time, ct);
        }
    }

    // Until the consumer is gone, or a message was lost on its way: then another one begins behind the last that came.
    private async Task ReadAsync(CancellationToken ct)
    {
        await link.OpenAsync(ct);
        var consumer = await link.JetStream.CreateOrUpdateConsumerAsync(StreamNames.History(queue), Config(), ct);
        _trouble = null;
        try
        {
            if (consumer.Info.NumPending == 0)
            {
                _caughtUp.TrySetResult();
            }

            var place = new Reading(1, consumer.Info.NumPending);
            while (true)
            {
                // What waits comes all at once, and that of all queues when the gateway has just started.
                var next = place.Behind > 0
                    ? await link.Batches.UseAsync(AtOnce * MaxBytes, () => TakeAsync(consumer.FetchNoWaitAsync(Ask(AtOnce), NatsRawSerializer<byte[]>.Default, ct), place), ct)
                    : await TakeAsync(consumer.FetchAsync(Ask(AtOnce), NatsRawSerializer<byte[]>.Default, ct), place);
                if (next is not { } read || (read == place && _seen.State.LastSeq > index.LastSeq))
                {
                    return;
                }

                place = read;
            }
        }
        finally
        {
            await DeleteAsync(consumer);
        }
    }

    // Null if a message was lost on its way.
    private async Task<Reading?> TakeAsync(IAsyncEnumerable<INatsJSMsg<byte[]>> messages, Reading place)
    {
        await foreach (var message in messages)
        {
            if (message.Metadata is not { } at || at.Sequence.Consumer != place.Expected)
            {
                return null;
            }

            place = new Reading(place.Expected + 1, at.NumPending);
            index.Add(at.Sequence.Stream, message.Data);
            if (at.NumPending == 0)
            {
                _caughtUp.TrySetResult();
            }
        }

        return place;
    }

    private static NatsJSFetchOpts Ask(int most) => new() { MaxMsgs = most, Expires = Expires };

    private ConsumerConfig Config() => new()
    {
        Name = $"gateway-{Guid.NewGuid():N}",
        DeliverPolicy = ConsumerConfigDeliverPolicy.ByStartSequence,
        OptStartSeq = index.LastSeq + 1,
        AckPolicy = ConsumerConfigAckPolicy.None,
        InactiveThreshold = Idle,
        MemStorage = true,
        NumReplicas = 1,
    };

    private async Task DeleteAsync(INatsJSConsumer consumer)
    {
        try
        {
            await link.JetStream.DeleteConsumerAsync(consumer.Info.StreamName, consumer.Info.Name, CancellationToken.None);
        }
        catch (NatsException)
        {
            // It lapses.
        }
    }

    /// <summary>How far a consumer was read.</summary>
    /// <param name="Expected">Its own number of the next message.</param>
    /// <param name="Behind">How many waited behind the last one.</param>
    private readonly record struct Reading(ulong Expected, ulong Behind);
}
