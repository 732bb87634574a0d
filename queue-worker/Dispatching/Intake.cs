using Connectors.QueueWorker.Settling;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.QueueWorker.Dispatching;

/// <summary>What is to be done with a delivery before anything is sent. Pure; docs/delivery-states.md says why the deliveries are counted so.</summary>
internal readonly record struct Intake(IntakeKind Kind, Envelope? Envelope = null, TimeSpan Wait = default, string Error = "")
{
    /// <summary>Deliveries without a verdict after which no further worker is risked.</summary>
    public const int MaxLost = 5;

    /// <summary>A wait so short that handing back would cost more.</summary>
    public static readonly TimeSpan ShortWait = TimeSpan.FromMilliseconds(50);

    /// <param name="envelope">The message's envelope; null if it has none.</param>
    /// <param name="error">Why it has none.</param>
    /// <param name="subject">The subject that the message stands on.</param>
    /// <param name="count">Deliveries of the message so far that can mean a lost worker, this one included.</param>
    /// <param name="now">The time.</param>
    public static Intake Judge(Envelope? envelope, string error, string subject, int count, DateTimeOffset now)
    {
        if (envelope is null)
        {
            return new Intake(IntakeKind.Foreign, Error: error);
        }

        if (envelope.Version > Envelope.CurrentVersion)
        {
            return new Intake(IntakeKind.Newer, envelope);
        }

        if (StreamNames.FunctionOf(subject) != envelope.FunctionName)
        {
            return new Intake(IntakeKind.Foreign, envelope, Error: $"the envelope is of {envelope.FunctionName}, the subject of another function");
        }

        if (envelope.Deadline <= now || (envelope.Retry?.MaxAge is { } maxAge && envelope.Submitted + maxAge <= now))
        {
            return new Intake(IntakeKind.Expired, envelope);
        }

        var wait = envelope.NotBefore > now ? envelope.NotBefore.Value - now : TimeSpan.Zero;
        return wait > ShortWait
            ? new Intake(IntakeKind.Early, envelope, wait)
            : new Intake(count > MaxLost + HandBack.Allowed(envelope) ? IntakeKind.WorkerLost : IntakeKind.Run, envelope, wait);
    }
}

/// <summary>The kinds of <see cref="Intake"/>.</summary>
internal enum IntakeKind
{
    /// <summary>Send it, after a wait too short to hand it back for.</summary>
    Run,

    /// <summary>Its time has not come: hand it back with the rest of the wait.</summary>
    Early,

    /// <summary>A newer version of the envelope: for a newer worker.</summary>
    Newer,

    /// <summary>Its deadline passed.</summary>
    Expired,

    /// <summary>The workers that it was delivered to never came to a verdict.</summary>
    WorkerLost,

    /// <summary>Not ours.</summary>
    Foreign,
}
