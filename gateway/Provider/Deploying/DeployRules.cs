using System.Text;
using System.Text.RegularExpressions;
using Connectors.Provider.Contracts;
using Connectors.Provider.Isolation;
using Connectors.Provider.Running;
using Connectors.Provider.State;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;

namespace Connectors.Provider.Deploying;

/// <summary>What a deployment must be like; every fault is one line that begins with the field's name.</summary>
internal static partial class DeployRules
{
    public const string NameRule = "must be a valid DNS entry of at most 63 characters";

    // Linux takes no longer text as an argument, or as a variable with its name.
    private const int MaxTextBytes = 128 * 1024 - 1;

    private static readonly string[] Durations =
    [
        "com.openfaas.retry.min_wait", "com.openfaas.retry.max_wait", "com.openfaas.retry.max_age", "com.openfaas.breaker.min_wait", "com.openfaas.breaker.max_wait",
    ];

    // Where one alone is given, the other is the queue-worker's, which nobody knows here.
    private static readonly (string Shortest, string Longest)[] Waits =
    [
        ("com.openfaas.retry.min_wait", "com.openfaas.retry.max_wait"), ("com.openfaas.breaker.min_wait", "com.openfaas.breaker.max_wait"),
    ];

    public static IReadOnlyList<string> Faults(FunctionDeployment deployment, SecretStore secrets) => [.. Faults(deployment), .. MissingSecrets(deployment, secrets)];

    /// <summary>The secrets that it lists and that are not there.</summary>
    public static IEnumerable<string> MissingSecrets(FunctionDeployment deployment, SecretStore secrets) =>
        from secret in deployment.Secrets ?? [] where !secrets.Contains(deployment.Namespace ?? "", secret ?? "") select $"secrets: there is no secret {secret ?? "null"}";

    /// <summary>Whose the port is that it names for its own process: the gateway's, or another function's. A service that runs already may be named by many.</summary>
    public static IReadOnlyList<string> PortFaults(FunctionDeployment deployment, ProviderOptions options, IEnumerable<PortUse> others)
    {
        var (name, wanted) = PortOf(deployment);
        if (wanted is not { } port)
        {
            return [];
        }

        return
        [
            .. from own in options.OwnPorts where own.Port == port select $"upstream_url: port {port} is the gateway's {own.Option}; {WatchdogSettings.PortHint}",
            .. from other in others.Distinct() where other.Port == port && other.Function != name select $"upstream_url: port {port} is that of {other.Function}; {WatchdogSettings.PortHint}",
        ];
    }

    public static PortUse PortOf(FunctionDeployment deployment) =>
        new(new FunctionName(deployment.Service, deployment.Namespace!), WatchdogSettings.Read(deployment, []).FixedPort);

    /// <summary>Those of the deployment alone, whatever secrets and other functions there are.</summary>
    public static IReadOnlyList<string> Faults(FunctionDeployment deployment)
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

        var settings = WatchdogSettings.Read(deployment, faults);
        if (settings.Command.Any(word => !Fits(word)))
        {
            faults.Add($"envProcess: a word of the command is longer than {MaxTextBytes} bytes or holds a NUL");
        }

        ResourceLimits.Read(deployment.Limits, faults);
        ScaleLabels.Read(deployment, faults);
        if (MinReplicas.Of(deployment) is var least && least > settings.MaxReplicas)
        {
            faults.Add($"labels.{MinReplicas.Label}: \"{least}\" is too many: {WatchdogSettings.OnePortRule}");
        }

        faults.AddRange(from variable in deployment.EnvVars ?? new Dictionary<string, string>() where !CanBe(variable) select VariableFault(variable.Key));
        faults.AddRange(from name in Durations let fault = DurationFault(deployment, name) where fault is not null select fault);
        faults.AddRange(from wait in Waits let fault = OrderFault(deployment, wait.Shortest, wait.Longest) where fault is not null select fault);
        return faults;
    }

    public static bool IsName(string text) => Name().IsMatch(text);

    private static bool CanBe(KeyValuePair<string, string> variable) =>
        variable.Key.Length > 0 && !variable.Key.Contains('=', StringComparison.Ordinal) && Fits($"{variable.Key}={variable.Value}");

    private static string VariableFault(string name) =>
        $"envVars: \"{(name.Length > 100 ? name[..100] + "…" : name)}\" cannot be an environment variable: names are not empty and hold no =, and name and value together hold no NUL and at most {MaxTextBytes - 1} bytes";

    private static bool Fits(string text) => !text.Contains('\0', StringComparison.Ordinal) && Encoding.UTF8.GetByteCount(text) <= MaxTextBytes;

    private static string? DurationFault(FunctionDeployment deployment, string name) =>
        Annotation(deployment, name) is { } text && !GoDuration.TryParse(text, out _, out var allowed)
            ? $"annotations.{name}: \"{text}\" is not valid; allowed: {allowed}"
            : null;

    private static string? OrderFault(FunctionDeployment deployment, string shortest, string longest) =>
        GoDuration.TryParse(Annotation(deployment, shortest), out var least, out _) && GoDuration.TryParse(Annotation(deployment, longest), out var most, out _) && most < least
            ? $"annotations.{longest}: \"{Annotation(deployment, longest)}\" is not valid; allowed: no shorter than {shortest}, which is {GoDuration.Format(least)}"
            : null;

    private static string? Annotation(FunctionDeployment deployment, string name) =>
        deployment.Annotations?.GetValueOrDefault(name)?.Trim() is { Length: > 0 } text ? text : null;

    [GeneratedRegex(@"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\z")]
    private static partial Regex Name();
}
