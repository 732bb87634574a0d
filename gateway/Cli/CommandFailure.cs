namespace Connectors.Cli;

/// <summary>Why a sub-command ends early: one line for the operator, saying what and, where possible, what to do.</summary>
internal sealed class CommandFailure(string message, int exitCode = CommandFailure.Refused) : Exception(message)
{
    /// <summary>The gateway refused or is away.</summary>
    public const int Refused = 1;

    /// <summary>The command line means nothing.</summary>
    public const int BadUsage = 2;

    public int ExitCode => exitCode;

    /// <summary>It may pass by itself: the gateway is away, or cannot reach its queue.</summary>
    public bool MayPass { get; init; }

    public static CommandFailure Usage(string message) => new(message, BadUsage);
}

/// <summary>An answer is JSON, but of another shape than ours: another service gave it, or a gateway of another version.</summary>
internal sealed class OtherShapeException() : Exception("The answer is JSON of another shape.");
