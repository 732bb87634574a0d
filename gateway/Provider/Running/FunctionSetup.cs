using Connectors.Provider.Isolation;
using Connectors.Provider.Logs;
using Connectors.Provider.Processes;
using Connectors.Sdk.Invocation;

namespace Connectors.Provider.Running;

/// <summary>What every way of running a function needs to know of it.</summary>
/// <param name="Name">The function.</param>
/// <param name="Settings">Its environment as the watchdogs understand it.</param>
/// <param name="Sandbox">What it has to itself.</param>
/// <param name="Variables">The variables that its processes start with.</param>
/// <param name="Log">Where its processes' words go.</param>
/// <param name="Cut">Cancelled when what is still to end has to end at once: the gateway's own time is over.</param>
internal sealed record FunctionSetup(
    FunctionName Name, WatchdogSettings Settings, Sandbox Sandbox, IReadOnlyDictionary<string, string> Variables, FunctionLog Log, CancellationToken Cut)
{
    public ProcessPlan Plan(IReadOnlyDictionary<string, string> variables, bool mergesErrors) => Sandbox.Plan(Settings.Command, variables, mergesErrors);
}
