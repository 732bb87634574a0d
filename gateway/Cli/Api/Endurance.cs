namespace Connectors.Cli.Api;

/// <summary>How long a command that stays bears a gateway that is away: one that restarts is so for some seconds, one that stays away is told.</summary>
internal sealed class Endurance(TimeProvider time)
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    private long _answered = time.GetTimestamp();

    /// <summary>The gateway is there.</summary>
    public void Answered() => _answered = time.GetTimestamp();

    /// <summary>Whether a failure may pass yet.</summary>
    public bool Bears(CommandFailure failure) => failure.MayPass && time.GetElapsedTime(_answered) <= Limit;
}
