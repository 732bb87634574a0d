using System.Buffers;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;

namespace Connectors.QueueWorker.Settling;

/// <summary>
/// Keeps what became of calls in a stream of its own, as well as it can without holding a call up: many lines to a message, which is written when it is full
/// or half a second old, and at the end. What the stream does not take waits here as long as there is room, and is dropped and counted then.
/// docs/decisions/call-history.md says why.
/// </summary>
internal sealed class CallHistory : IDuty, IDisposable
{
    private const int MaxLines = 100;
    private const int BatchBytes = 32 * 1024;
    private const int MaxWaitingBytes = 8 * 1024 * 1024;
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan TryTimeout = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(5);

    // The host allows what stops last about a second more than what runs was given.
    private static readonly TimeSpan Farewell = TimeSpan.FromSeconds(1);

    [ThreadStatic]
    private static ArrayBufferWriter<byte>? _line;

    private readonly QueueWorkerOptions _options;
    private readonly StreamPublisher _publisher;
    private readonly StreamSetup _streams;
    private readonly NatsLink _link;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly StreamShape _stream;
    private readonly string _worker = Guid.NewGuid().ToString("N");
    private readonly SemaphoreSlim _filled = new(0, 1);

    // Guards what waits: the lines of the message that is being filled, and the messages before it.
    private readonly Lock _lock = new();
    private readonly Queue<Batch> _full = new();
    private ArrayBufferWriter<byte> _open = new(BatchBytes);
    private int _lines;
    private long _waitingBytes;
    private long _number;
    private bool _isStreamReady;

    public CallHistory(QueueWorkerOptions options, StreamPublisher publisher, StreamSetup streams, NatsLink link, TimeProvider time, ILogger<CallHistory> log)
    {
        (_options, _publisher, _streams, _link, _time, _log) = (options, publisher, streams, link, time, log);
        _stream = StreamShape.History(options.Queue, options.Limits, options.History.MaxBytes, options.History.MaxAge);
    }

    /// <summary>A call has ended.</summary>
    public void Ended(Envelope envelope, CallEnd end, long size)
    {
        if (!_options.History.IsOn)
        {
            return;
        }

        var biography = end.Biography;
        var sends = end.Last is { } last ? PastAttempt.Add(envelope.PastAttempts, last) : envelope.PastAttempts;
        Add(new EndedCall
        {
            CallId = envelope.CallId,
            DeliveryId = envelope.DeliveryId,
            Function = envelope.Function,
            Namespace = envelope.Namespace,
            State = end.Word,
            Ended = biography?.LastAt ?? _time.GetUtcNow(),
            Submitted = envelope.Submitted,
            Redrive = envelope.Redrive,
            Reason = end.Kind == DeadKind.Call ? biography?.Reason : null,
            Error = biography?.Error is { } error ? Bounded(error) : null,
            Status = end.Last is null ? biography?.Status : end.Last.Status,
            Attempts = biography?.Attempts ?? envelope.Attempt,
            Sends = sends,
            Size = size,
            ResultSize = end.ResultSize,
            Tags = envelope.Tags,
            Trace = envelope.Trace is { Length: <= MaxTrace } trace ? trace : null,
            Callback = envelope.Callback is null || end.IsTold ? null : new EndedCallback { State = CallbackStates.Due },
        });
    }

    /// <summary>A callback has ended.</summary>
    /// <param name="envelope">The call's envelope.</param>
    /// <param name="record">What was to be told.</param>
    /// <param name="state">One of <see cref="CallbackStates"/>.</param>
    /// <param name="status">The receiver's status; null or 0 if none came.</param>
    /// <param name="biography">What its dead letter tells; null if it was delivered.</param>
    public void ToldOrNot(Envelope envelope, CallbackRecord record, string state, int? status, Biography? biography = null)
    {
        if (!_options.History.IsOn)
        {
            return;
        }

        Add(new EndedCall
        {
            CallId = envelope.CallId,
            DeliveryId = envelope.DeliveryId,
            Function = envelope.Function,
            Namespace = envelope.Namespace,
            State = EndStates.Callback,
            Ended = biography?.LastAt ?? _time.GetUtcNow(),
            Redrive = envelope.Redrive,
            Callback = new EndedCallback
            {
                State = state,
                Attempts = record.Attempt,
                Posts = record.Posts,
                Status = status is 0 ? null : status,
                Error = biography?.Error is { } error ? Bounded(error) : null,
            },
        });
    }

    public async Task RunAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await _filled.WaitAsync(Interval, stoppingToken);
                if (!await WriteAllAsync(TryTimeout, stoppingToken))
                {
                    await Task.Delay(Pause, _time, stoppingToken);
                }
            }
            catch (Exception) when (stoppingToken.IsCancellationRequested)
            {
                // Whatever fails in the moment of a stop: what waits is written below.
            }
        }

        // Consuming has ended before: nothing is added any more.
        using var farewell = new TimeLimit(Farewell, _time, CancellationToken.None);
        try
        {
            await WriteAllAsync(Farewell, farewell.Token);
        }
        catch (Exception)
        {
            // What is left is told below.
        }

        Forget();
    }

    public void Dispose() => _filled.Dispose();

    private const int MaxTrace = 64;
    private const int MaxError = 200;

    private static string Bounded(string error) => error.Length > MaxError ? error[..MaxError] + "…" : error;

    private void Add(EndedCall call)
    {
        // Written before the lock, so that its holders do not wait for each other's text.
        var line = _line ??= new ArrayBufferWriter<byte>(1024);
        line.ResetWrittenCount();
        call.WriteTo(line);
        var isFull = false;
        lock (_lock)
        {
            if (_waitingBytes + line.WrittenCount > MaxWaitingBytes)
            {
                Metrics.HistoryDropped(_options.Queue, 1);
                return;
            }

            _open.Write(line.WrittenSpan);
            _open.Write("\n"u8);
            _waitingBytes += line.WrittenCount + 1;
            if (++_lines >= MaxLines || _open.WrittenCount >= BatchBytes)
            {
                Close();
                isFull = true;
            }
        }

        if (isFull)
        {
            Wake();
        }
    }

    private void Wake()
    {
        try
        {
            _filled.Release();
        }
        catch (SemaphoreFullException)
        {
            // It was woken already.
        }
    }

    private string NextId() => StreamNames.HistoryMessageId(_worker, Interlocked.Increment(ref _number));

    // Under the lock.
    private void Close()
    {
        if (_lines > 0)
        {
            _full.Enqueue(new Batch(_open.WrittenMemory, _lines, NextId()));
            _open = new ArrayBufferWriter<byte>(BatchBytes);
            _lines = 0;
        }
    }

    // False if the stream takes nothing for now. A message leaves the queue once it is written: cancelled in between, it is written again under the same id.
    private async Task<bool> WriteAllAsync(TimeSpan patience, CancellationToken ct)
    {
        for (var isAll = false; !isAll;)
        {
            Batch? next;
            lock (_lock)
            {
                if (_full.Count == 0)
                {
                    isAll = true;
                    Close();
                }

                next = _full.TryPeek(out var first) ? first : null;
            }

            if (next is not null && !await WriteAsync(next, patience, ct))
            {
                return false;
            }
        }

        return true;
    }

    private async Task<bool> WriteAsync(Batch batch, TimeSpan patience, CancellationToken ct)
    {
        var message = new StreamMessage(StreamNames.HistorySubject(_options.Queue), batch.Id, [], batch.Lines);
        var write = new StreamWrite(WriteResult.TooLarge, "it is larger than the server's max_payload");
        if (_publisher.Fits(message))
        {
            write = await TryAsync(message, patience, ct);
            if (!write.IsFinal)
            {
                _isStreamReady &= !write.IsStreamMissing;

                // The server holds the id without the message: under it the message would be taken for a repeat.
                batch.Id = write.IsIdSpent ? NextId() : batch.Id;
                Log.HistoryNotWritten(_log, _stream.Name, batch.Count, write.Reason);
                return false;
            }
        }

        lock (_lock)
        {
            _full.Dequeue();
            _waitingBytes -= batch.Lines.Length;
        }

        if (write.IsStored)
        {
            Metrics.HistoryWritten(_options.Queue, batch.Count);
        }
        else
        {
            Log.HistoryDropped(_log, _stream.Name, batch.Count, write.Reason);
            Metrics.HistoryDropped(_options.Queue, batch.Count);
        }

        return true;
    }

    private async Task<StreamWrite> TryAsync(StreamMessage message, TimeSpan patience, CancellationToken ct)
    {
        try
        {
            await _link.OpenAsync(ct);
            if (!_isStreamReady)
            {
                await _streams.EnsureAsync(_stream, isFirst: true, ct);
                _isStreamReady = true;
            }

            return await _publisher.WriteOnceAsync(message, patience, ct);
        }
        catch (Exception fault) when (!ct.IsCancellationRequested)
        {
            // The server has no room for such a stream, one of that name is not ours, NATS is away: calls do without it.
            return new StreamWrite(WriteResult.Refused, fault.Message);
        }
    }

    private void Forget()
    {
        int left;
        lock (_lock)
        {
            left = _full.Sum(batch => batch.Count) + _lines;
            _full.Clear();
            _lines = 0;
        }

        if (left > 0)
        {
            Metrics.HistoryDropped(_options.Queue, left);
            Log.HistoryDropped(_log, _stream.Name, left, "the worker ends");
        }
    }

    private sealed class Batch(ReadOnlyMemory<byte> lines, int count, string id)
    {
        public ReadOnlyMemory<byte> Lines => lines;

        public int Count => count;

        public string Id { get; set; } = id;
    }
}
