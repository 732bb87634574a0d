using System.Buffers;
using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using NATS.Client.Core;

namespace Connectors.Streams.Nats;

/// <summary>
/// The streams' answers to what is published over a connection: one subscription for all of them. A request of the client's own makes a subscription, a channel
/// and timers for each; here an answer is read on the thread that reads the connection, and wakes its writer.
/// </summary>
internal sealed class PublishAnswers : IAsyncDisposable
{
    private readonly ConcurrentDictionary<long, TaskCompletionSource<StreamWrite>> _waiting = new();
    private readonly INatsConnection _connection;
    private readonly string _inbox;
    private DirectSubscription? _subscription;
    private long _last;

    private PublishAnswers(INatsConnection connection, string inbox) => (_connection, _inbox) = (connection, inbox);

    /// <summary>Subscribes. The subject is not below the connection's own inbox, which the client keeps for requests of its own.</summary>
    internal static async Task<PublishAnswers> SubscribeAsync(INatsConnection connection, CancellationToken ct)
    {
        var answers = new PublishAnswers(connection, $"{connection.Opts.InboxPrefix}.{RandomNumberGenerator.GetHexString(22)}.");
        answers._subscription = await DirectSubscription.OpenAsync(connection, answers._inbox + "*", answers.Take, ct);
        return answers;
    }

    /// <summary>Publishes, and returns what the stream answers; <see cref="OperationCanceledException"/> when it does not before <paramref name="ct"/> ends.</summary>
    internal async Task<StreamWrite> AskAsync(StreamMessage message, NatsHeaders headers, CancellationToken ct)
    {
        var number = Interlocked.Increment(ref _last);
        var answer = new TaskCompletionSource<StreamWrite>(TaskCreationOptions.RunContinuationsAsynchronously);
        _waiting[number] = answer;
        try
        {
            using var end = ct.UnsafeRegister(static (waiting, token) => ((TaskCompletionSource<StreamWrite>)waiting!).TrySetCanceled(token), answer);
            await _connection.PublishAsync(
                message.Subject,
                message.Body,
                headers,
                replyTo: string.Create(CultureInfo.InvariantCulture, $"{_inbox}{number}"),
                NatsRawSerializer<ReadOnlyMemory<byte>>.Default,
                cancellationToken: ct);
            return await answer.Task;
        }
        finally
        {
            _waiting.TryRemove(number, out _);
        }
    }

    public ValueTask DisposeAsync() => _subscription?.DisposeAsync() ?? ValueTask.CompletedTask;

    private void Take(string subject, string? reply, ReadOnlySequence<byte>? headers, ReadOnlySequence<byte> body)
    {
        if (long.TryParse(subject.AsSpan(Math.Min(_inbox.Length, subject.Length)), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            && _waiting.TryRemove(number, out var answer))
        {
            answer.TrySetResult(Read(headers, body));
        }
    }

    private static StreamWrite Read(ReadOnlySequence<byte>? headers, ReadOnlySequence<byte> payload)
    {
        try
        {
            // An answer without a body is the server's own: nobody subscribes to the subject.
            return payload.IsEmpty && headers is not null
                ? new StreamWrite(WriteResult.Refused, "no stream takes the subject, or it has no leader") { IsStreamMissing = true }
                : StreamAnswer.Read(payload.IsSingleSegment ? payload.FirstSpan : payload.ToArray());
        }
        catch (JsonException fault)
        {
            return new StreamWrite(WriteResult.Unknown, fault.Message);
        }
    }
}
