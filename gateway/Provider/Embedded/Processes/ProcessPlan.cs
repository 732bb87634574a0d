namespace Connectors.Gateway.Provider.Embedded.Processes;

/// <summary>What a process is to be.</summary>
/// <param name="Command">Program and arguments.</param>
/// <param name="Folder">Its working directory.</param>
/// <param name="Environment">All of its variables.</param>
/// <param name="MergesErrors">Whether standard error goes where standard output goes.</param>
/// <param name="Limits">Arguments of prlimit; empty for no limits.</param>
internal sealed record ProcessPlan(
    IReadOnlyList<string> Command, string Folder, IReadOnlyDictionary<string, string> Environment, bool MergesErrors, IReadOnlyList<string> Limits);
