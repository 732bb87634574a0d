namespace Connectors.Sdk.Events;

/// <summary>
/// How far an event has come: which functions of its topic took it, and its call id. It holds nothing of the event itself, so that a source can keep the progress of many.
/// </summary>
public sealed class Progress
{
    private readonly Run _run;

    internal Progress(Run run) => _run = Copy(run);

    /// <summary>Where an object stands that goes on from here, before its first run.</summary>
    internal Run Begin() => Copy(_run);

    // Each goes on by itself.
    private static Run Copy(Run run) => run with { Attempt = 0, Taken = [.. run.Taken], Called = [.. run.Called], IsOver = false };
}
