using Connectors.Gateway.Provider.Embedded.Logs;
using Connectors.Gateway.Provider.Embedded.Processes;
using Connectors.Sdk.Envelopes;

namespace Connectors.Gateway.Provider.Embedded.Running;

/// <summary>What every way of running a function needs to know of it.</summary>
/// <param name="Name">The function.</param>
/// <param name="Settings">Its environment as the watchdogs understand it.</param>
/// <param name="Folder">Its own directory.</param>
/// <param name="Variables">The variables that its processes start with.</param>
/// <param name="Limits">Arguments of prlimit.</param>
/// <param name="Log">Where its processes' words go.</param>
internal sealed record FunctionSetup(
    FunctionName Name, WatchdogSettings Settings, string Folder, IReadOnlyDictionary<string, string> Variables, IReadOnlyList<string> Limits, FunctionLog Log)
{
    public ProcessPlan Plan(IReadOnlyDictionary<string, string> variables, bool mergesErrors) => new(Settings.Command, Folder, variables, mergesErrors, Limits);
}
