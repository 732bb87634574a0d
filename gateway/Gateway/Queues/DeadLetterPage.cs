using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.Gateway.Queues;

/// <summary>One page of a queue's dead letters.</summary>
/// <param name="Items">May be fewer than asked for although more follow: a search looks at a bounded number of letters.</param>
/// <param name="Next">Where the next page begins (<c>after</c>); null at the end.</param>
internal sealed record DeadLetterPage(IReadOnlyList<DeadLetterItem> Items, ulong? Next)
{
    // How many letters one request reads at most in search of what is not in a letter's subject.
    private const int MaxRead = 10_000;
    private const int Batch = 1000;

    public static async Task<DeadLetterPage> ReadAsync(DeadLetters letters, string queue, DeadFilter filter, ulong after, int limit, CancellationToken ct)
    {
        var items = new List<DeadLetterItem>();
        for (var read = 0; ;)
        {
            var batch = await letters.ReadAsync(queue, filter.Function, after, filter.IsOfFunction ? limit : Batch, headersOnly: true, ct);
            read += batch.Count;
            foreach (var letter in batch)
            {
                after = letter.Seq;
                if (filter.Matches(letter))
                {
                    items.Add(DeadLetterItem.From(letter));
                }

                if (letter.Behind == 0)
                {
                    // That is the word of a server that may lag.
                    return new DeadLetterPage(items, await letters.HasMoreAsync(queue, filter.Function, after, ct) ? after : null);
                }

                if (items.Count == limit)
                {
                    return new DeadLetterPage(items, after);
                }
            }

            if (batch.Count == 0 || read >= MaxRead)
            {
                return new DeadLetterPage(items, batch.Count == 0 ? null : after);
            }
        }
    }
}

/// <summary>A dead letter in a list.</summary>
internal sealed record DeadLetterItem
{
    public required ulong Seq { get; init; }

    public required string CallId { get; init; }

    public required string DeliveryId { get; init; }

    public required int Redrive { get; init; }

    public required string Function { get; init; }

    public required string Kind { get; init; }

    public required string Reason { get; init; }

    public required int? Status { get; init; }

    public required int Attempts { get; init; }

    public required DateTime FirstAt { get; init; }

    public required DateTime LastAt { get; init; }

    /// <summary>Bytes of its body.</summary>
    public required long Size { get; init; }

    public required IReadOnlyList<string> Tags { get; init; }

    public static DeadLetterItem From(DeadLetter letter) => new()
    {
        Seq = letter.Seq,
        CallId = letter.Envelope?.CallId ?? "",
        DeliveryId = letter.Envelope?.DeliveryId ?? "",
        Redrive = letter.Envelope?.Redrive ?? 0,
        Function = letter.Function,
        Kind = letter.Kind,
        Reason = letter.Biography?.Reason ?? DeadReasons.Foreign,
        Status = letter.Biography?.Status,
        Attempts = letter.Biography?.Attempts ?? 0,
        FirstAt = (letter.Biography?.FirstAt ?? letter.Stored).UtcDateTime,
        LastAt = letter.EndedAt.UtcDateTime,
        Size = letter.Size,
        Tags = letter.Tags,
    };
}
