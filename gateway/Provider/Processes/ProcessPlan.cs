namespace Connectors.Provider.Processes;

/// <summary>What a process is to be.</summary>
/// <param name="Command">Program and arguments, with all that prepares it before.</param>
/// <param name="Folder">Its working directory.</param>
/// <param name="Environment">All of its variables.</param>
/// <param name="EndsAsOne">Whether the kernel ends everything that it starts when it ends.</param>
internal sealed record ProcessPlan(IReadOnlyList<string> Command, string Folder, IReadOnlyDictionary<string, string> Environment, bool EndsAsOne);
