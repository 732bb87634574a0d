using System.Buffers;
using System.IO.Pipelines;

namespace Connectors.Gateway.Enqueueing;

/// <summary>
/// The body of an async call. One that came with its head is used where it lies, and given back by disposing of it; any other is gathered in memory, which
/// grows with what comes in: a slow or lying caller holds no more than it sent.
/// </summary>
internal readonly struct CallBody : IDisposable
{
    private const int FirstBytes = 4 * 1024;

    private readonly PipeReader? _lender;
    private readonly SequencePosition _end;

    private CallBody(ReadOnlyMemory<byte> bytes, PipeReader? lender = null, SequencePosition end = default) => (Bytes, _lender, _end) = (bytes, lender, end);

    public ReadOnlyMemory<byte> Bytes { get; }

    /// <summary>The whole body, if it is there already; null if it has to be waited for.</summary>
    public static CallBody? TryHold(HttpRequest request)
    {
        if (!request.BodyReader.TryRead(out var read))
        {
            return null;
        }

        if (read.IsCompleted && read.Buffer.IsSingleSegment)
        {
            return new CallBody(read.Buffer.First, request.BodyReader, read.Buffer.End);
        }

        request.BodyReader.AdvanceTo(read.Buffer.Start);
        return null;
    }

    /// <summary>Null if the body is longer than <paramref name="limit"/>.</summary>
    public static async Task<CallBody?> ReadAsync(HttpRequest request, int limit, CancellationToken ct)
    {
        var body = new ArrayBufferWriter<byte>(FirstBytes);
        while (true)
        {
            var read = await request.BodyReader.ReadAsync(ct);
            var isOver = body.WrittenCount + read.Buffer.Length > limit;
            if (!isOver)
            {
                Append(body, read.Buffer);
            }

            request.BodyReader.AdvanceTo(read.Buffer.End);
            if (isOver)
            {
                return null;
            }

            if (read.IsCompleted)
            {
                return new CallBody(body.WrittenMemory);
            }
        }
    }

    public void Dispose() => _lender?.AdvanceTo(_end);

    private static void Append(ArrayBufferWriter<byte> body, ReadOnlySequence<byte> read)
    {
        foreach (var segment in read)
        {
            body.Write(segment.Span);
        }
    }
}
