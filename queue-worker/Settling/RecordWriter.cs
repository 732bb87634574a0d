using Connectors.Streams.Nats;

namespace Connectors.QueueWorker.Settling;

/// <summary>
/// Writes down what a delivery leaves behind, under its lease. Every write ends. Refused for good, it goes on with the next smaller form of the record.
/// Refused for now, it is repeated for ten leases; then the delivery is nakked, so that its slot is free for others. A record may be stored twice, which does
/// no harm; one that is missing would.
/// </summary>
internal sealed class RecordWriter(QueueWorkerOptions options, StreamPublisher publisher)
{
    private static readonly TimeSpan TryTimeout = TimeSpan.FromSeconds(5);
    private static readonly StreamWrite TooLarge = new(WriteResult.TooLarge, "it is larger than the server takes");

    private readonly WriteTerms _untilStored = new(Patience(options)) { WaitsForRoom = true, RenewsIdAfter = RenewsIdAfter(options) };
    private readonly WriteTerms _unlessFull = new(Patience(options)) { RenewsIdAfter = RenewsIdAfter(options) };

    /// <summary>For how long one record is written again and again.</summary>
    public static TimeSpan Patience(QueueWorkerOptions options) => options.Consuming.AckWait * 10;

    /// <summary>Whether the server takes a message of that size at all.</summary>
    public bool Fits(StreamMessage message) => publisher.Fits(message);

    /// <summary>Stores the first form of a record that the server takes. False means that all are too large for it.</summary>
    /// <param name="forms">The record and what may stand for it, each smaller than the one before.</param>
    /// <param name="ct">Cancelled when the process ends.</param>
    /// <exception cref="NotStoredException">The stream refuses it for now.</exception>
    public async Task<bool> StoreAsync(IEnumerable<StreamMessage> forms, CancellationToken ct)
    {
        foreach (var form in forms.Where(publisher.Fits))
        {
            var write = await WriteAsync(form, _untilStored, ct);
            if (write.IsStored)
            {
                return true;
            }

            if (write.Result != WriteResult.TooLarge)
            {
                throw new NotStoredException($"{form.Subject}: {write.Reason}");
            }
        }

        return false;
    }

    /// <summary>Stores a copy that takes a message's place, unless its stream is full: a nak does as well then.</summary>
    public async Task<StreamWrite> StoreCopyAsync(StreamMessage copy, CancellationToken ct) => publisher.Fits(copy) ? await WriteAsync(copy, _unlessFull, ct) : TooLarge;

    /// <summary>Tries once to store a copy that takes a message's place.</summary>
    public async Task<StreamWrite> StoreCopyOnceAsync(StreamMessage copy, CancellationToken ct) =>
        publisher.Fits(copy) ? await WriteAsync(() => publisher.WriteOnceAsync(copy, TryTimeout, ct)) : TooLarge;

    private static TimeSpan RenewsIdAfter(QueueWorkerOptions options) => TimeSpan.FromTicks(Math.Min(TimeSpan.FromSeconds(10).Ticks, Patience(options).Ticks / 5));

    private Task<StreamWrite> WriteAsync(StreamMessage message, WriteTerms terms, CancellationToken ct) => WriteAsync(() => publisher.WriteAsync(message, terms, ct));

    private static async Task<StreamWrite> WriteAsync(Func<Task<StreamWrite>> write)
    {
        try
        {
            return await write();
        }
        catch (Exception fault) when (fault is ArgumentException or FormatException or InvalidOperationException)
        {
            // A header that cannot be written, brought by a message that is not ours.
            return new StreamWrite(WriteResult.TooLarge, fault.Message);
        }
    }
}

/// <summary>A record could not be stored for so long that its delivery is to be given back.</summary>
internal sealed class NotStoredException(string reason) : Exception(reason);
