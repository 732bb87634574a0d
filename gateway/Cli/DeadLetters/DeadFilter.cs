using System.CommandLine;

namespace Connectors.Cli.DeadLetters;

/// <summary>Which dead letters of a queue are meant; null means all.</summary>
internal sealed record DeadFilter(string Queue, string? Function, string? Reason)
{
    public static readonly Option<string> FunctionOption = new("--function", "-f") { Description = "Only those of this function: NAME, or NAME.NAMESPACE", HelpName = "NAME" };

    public static readonly Option<string> ReasonOption = CreateReason();

    public static DeadFilter Of(Session session, Argument<string> queue) =>
        new(session.Value(queue), session.Value(FunctionOption), session.Value(ReasonOption));

    public bool IsAll => Function is null && Reason is null;

    /// <summary>For questions and reports.</summary>
    public override string ToString() =>
        Queue + (Function is null ? "" : $", function {Function}") + (Reason is null ? "" : $", reason {Reason}");

    private static Option<string> CreateReason()
    {
        var reason = new Option<string>("--reason") { Description = "Only those that were given up for this reason", HelpName = "REASON" };
        reason.CompletionSources.Add("exhausted", "failed", "expired", "cancelled", "worker_lost", "callback_expired", "callback_refused", "foreign");
        return reason;
    }
}
