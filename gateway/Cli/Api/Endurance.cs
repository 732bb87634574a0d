namespace Connectors.Cli.Api;

/// <summary>How long a command that stays bears a gateway that is away: one that restarts is so for some seconds, one that stays away is told.</summary>
internal sealed class Endurance(TimeProvider time)
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    // The first failure since it answered last: a request may have run for nearly as long before it broke off.
    private long? _failed;

    /// <summary>The gateway is there.</summary>
    public void Answered() => _failed = null;

    /// <summary>Whether a failure may pass yet.</summary>
    public bool Bears(CommandFailure failure)
    {
        _failed ??= time.GetTimestamp();
        return failure.MayPass && time.GetElapsedTime(_failed.Value) <= Limit;
    }
}
