namespace Connectors.QueueWorker;

/// <summary>What the loop that pulls may learn from the end of a delivery.</summary>
/// <param name="Load">What the function's answer says about its load.</param>
/// <param name="Again">When set, the message was handed back and comes again after this time.</param>
internal readonly record struct Handled(Load Load = Load.Unknown, TimeSpan? Again = null);

/// <summary>What an answer says about a function's load.</summary>
internal enum Load
{
    /// <summary>Nothing: it was not sent, or failed for reasons of its own.</summary>
    Unknown,

    /// <summary>It took the call.</summary>
    Took,

    /// <summary>It had no room: 429, or no connection.</summary>
    Refused,
}
