using Connectors.Gateway.Provider.Embedded.Logs;
using Connectors.Gateway.Provider.Embedded.Processes;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.Gateway.Provider.Embedded.Running;

/// <summary>What every way of running a function needs to know of it.</summary>
/// <param name="Name">The function.</param>
/// <param name="Settings">Its environment as the watchdogs understand it.</param>
/// <param name="Sandbox">What it has to itself.</param>
/// <param name="Variables">The variables that its processes start with.</param>
/// <param name="Log">Where its processes' words go.</param>
internal sealed record FunctionSetup(
    FunctionName Name, WatchdogSettings Settings, Sandbox Sandbox, IReadOnlyDictionary<string, string> Variables, FunctionLog Log)
{
    public ProcessPlan Plan(IReadOnlyDictionary<string, string> variables, bool mergesErrors) => ProcessPlan.Of(Sandbox, Settings.Command, variables, mergesErrors);
}
