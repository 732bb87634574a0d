using System.Text.RegularExpressions;
using Connectors.Provider.Contracts;
using Connectors.Provider.Isolation;
using Connectors.Provider.Running;
using Connectors.Provider.State;

namespace Connectors.Provider.Deploying;

/// <summary>What a deployment must be like; every fault is one line.</summary>
internal static partial class DeployRules
{
    public const string NameRule = "must be a valid DNS entry of at most 63 characters";

    public static IReadOnlyList<string> Faults(FunctionDeployment deployment, SecretStore secrets)
    {
        var faults = new List<string>();
        if (deployment.Service.Length == 0)
        {
            faults.Add("service: is required");
        }
        else if (!IsName(deployment.Service))
        {
            faults.Add($"service: ({deployment.Service}) is invalid, {NameRule}");
        }

        if (!IsName(deployment.Namespace ?? ""))
        {
            faults.Add($"namespace: ({deployment.Namespace}) is invalid, {NameRule}");
        }

        WatchdogSettings.Read(deployment, faults);
        ResourceLimits.Read(deployment.Limits, faults);
        faults.AddRange(from secret in deployment.Secrets ?? [] where !secrets.Contains(deployment.Namespace ?? "", secret) select $"secrets: there is no secret {secret}");
        faults.AddRange(
            from variable in deployment.EnvVars ?? new Dictionary<string, string>()
            where variable.Key.Length == 0 || variable.Key.Contains('=', StringComparison.Ordinal) || (variable.Key + variable.Value).Contains('\0', StringComparison.Ordinal)
            select $"envVars: \"{variable.Key}\" cannot be an environment variable");
        return faults;
    }

    public static bool IsName(string text) => Name().IsMatch(text);

    [GeneratedRegex(@"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\z")]
    private static partial Regex Name();
}
