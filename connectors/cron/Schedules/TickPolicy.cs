using Connectors.Sdk.Hosting;

namespace Connectors.Cron.Schedules;

/// <summary>How the due instants of a schedule are treated; the connector's options, overridden by a function's annotations.</summary>
internal sealed record TickPolicy
{
    /// <summary>The zone of schedules that name none.</summary>
    public required TimeZoneInfo Zone { get; init; }

    /// <summary>Whether the call is enqueued rather than waited for.</summary>
    public required bool Asynchronous { get; init; }

    /// <summary>What becomes of due instants that were missed.</summary>
    public required CatchUp CatchUp { get; init; }

    /// <summary>How far back missed ones are caught up with.</summary>
    public required TimeSpan CatchUpWindow { get; init; }

    /// <summary>How late an instant may be before it counts as missed.</summary>
    public required TimeSpan MisfireThreshold { get; init; }

    /// <summary>Schedules are spread over this much time, each always by the same part of it.</summary>
    public required TimeSpan Jitter { get; init; }

    /// <summary>Whether a run may begin while one of the same schedule is running; for calls that are waited for.</summary>
    public required Overlap Overlap { get; init; }

    public static TickPolicy Read(Settings settings, bool asynchronous) => new()
    {
        Zone = MachineZone.Read(settings),
        Asynchronous = asynchronous,
        CatchUp = settings.Choice("catch_up", CatchUp.None, "What becomes of due instants missed while the connector was away: none, last or all are fired"),
        CatchUpWindow = settings.Duration("catch_up_window", TimeSpan.FromHours(1), "How far back missed instants are caught up with", TimeSpan.Zero, TimeSpan.FromDays(7)),
        MisfireThreshold = settings.Duration(
            "misfire_threshold", TimeSpan.FromSeconds(10), "How late an instant may be and still be fired whatever catch_up says", TimeSpan.FromSeconds(1), TimeSpan.FromHours(1)),
        Jitter = settings.Duration("jitter", TimeSpan.Zero, "Spread schedules over this much time, each always by the same part of it", TimeSpan.Zero, TimeSpan.FromHours(1)),
        Overlap = settings.Choice(
            "overlap", Overlap.Allow, "Whether a run may begin while one of the same schedule is running, for calls that are waited for: allow or forbid"),
    };

    /// <summary>This policy with what a function's annotations override.</summary>
    /// <exception cref="BadScheduleException">An annotation has a value that it cannot have.</exception>
    public TickPolicy With(IReadOnlyDictionary<string, string> annotations)
    {
        var settings = new Settings(annotations);
        var policy = this with
        {
            Asynchronous = settings.Flag(Annotations.Async, Asynchronous, ""),
            CatchUp = settings.Choice(Annotations.CatchUp, CatchUp, ""),
            Jitter = settings.Duration(Annotations.Jitter, Jitter, "", TimeSpan.Zero, TimeSpan.FromHours(1)),
            Overlap = settings.Choice(Annotations.Overlap, Overlap, ""),
        };
        return settings.Errors.Count == 0 ? policy : throw new BadScheduleException(BadSchedule.Annotation, settings.Errors[0]);
    }
}

/// <summary>What becomes of missed due instants.</summary>
internal enum CatchUp
{
    /// <summary>They are dropped.</summary>
    None,

    /// <summary>The last of them is fired.</summary>
    Last,

    /// <summary>All are fired, the oldest first.</summary>
    All,
}

/// <summary>Whether runs of one schedule may overlap.</summary>
internal enum Overlap
{
    /// <summary>They may.</summary>
    Allow,

    /// <summary>A run that would is left out.</summary>
    Forbid,
}
