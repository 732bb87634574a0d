using System.Globalization;
using Connectors.Sdk.Invocation;
using Microsoft.Extensions.Logging;

namespace Connectors.RabbitMq.Settling;

/// <summary>Writes dead letters: the message as it was, with its biography in <c>X-Dead-*</c> headers beside its own.</summary>
internal sealed class DeadLetters(RabbitMqOptions options, TimeProvider time, ILogger<DeadLetters> log)
{
    // An error may be as long as somebody's stack.
    private const int MaxReason = 1024;

    // The broker sends copies to the queues that these name.
    private static readonly string[] Addresses = ["CC", "BCC"];

    /// <summary>True once the broker has it. False, told and counted, if it is not known to: the message is then not done.</summary>
    public async Task<bool> TryWriteAsync(RabbitMqMessage message, Outcome outcome, int attempt, CancellationToken ct)
    {
        var queue = options.Failure.DeadLetterQueueOf(message.Queue);
        try
        {
            await message.Channel.Connection.WriteAsync(queue, message.Message, Headers(message, outcome, attempt), ct);
            return true;
        }
        catch (Exception fault)
        {
            Metrics.DeadLetterFailed(message.Queue);
            Log.DeadLetterFailed(log, message.Queue, message.Event.Id, queue, fault.Message);
            return false;
        }
    }

    private Dictionary<string, object?> Headers(RabbitMqMessage message, Outcome outcome, int attempt)
    {
        var headers = message.Message.Properties.Headers.Where(h => !Addresses.Contains(h.Key)).ToDictionary();
        foreach (var (name, value) in Biography(message, outcome, attempt))
        {
            headers[name] = value;
        }

        return headers;
    }

    private IEnumerable<(string Name, string Value)> Biography(RabbitMqMessage message, Outcome outcome, int attempt)
    {
        yield return ("X-Dead-Queue", message.Queue);
        yield return ("X-Dead-Exchange", message.Message.Exchange);
        yield return ("X-Dead-Routing-Key", message.Message.RoutingKey);
        yield return ("X-Dead-Reason", Reason(outcome));
        yield return ("X-Dead-Status", outcome.Status.ToString(CultureInfo.InvariantCulture));
        yield return ("X-Dead-Attempts", attempt.ToString(CultureInfo.InvariantCulture));
        yield return ("X-Dead-At", time.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));
    }

    private static string Reason(Outcome outcome)
    {
        var reason = outcome.Kind switch
        {
            OutcomeKind.TimedOut => $"timed out: {outcome.Error}",
            OutcomeKind.Unreachable => $"unreachable: {outcome.Error}",
            _ => outcome.Error ?? $"answered {outcome.Status}",
        };
        return reason.Length > MaxReason ? reason[..MaxReason] : reason;
    }
}
