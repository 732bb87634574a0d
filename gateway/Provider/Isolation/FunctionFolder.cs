using Connectors.Provider.Contracts;
using Connectors.Sdk.Invocation;

namespace Connectors.Provider.Isolation;

/// <summary>A function's own directory, and the variables that every process of it starts with; none of the gateway's own are among them.</summary>
internal static class FunctionFolder
{
    private const string UsualPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    public static string Of(ProviderOptions options, FunctionName function) => Path.Combine(options.Data.Work, function.Namespace, function.Name);

    public static Dictionary<string, string> Variables(FunctionDeployment deployment, string folder, string? secrets)
    {
        var variables = new Dictionary<string, string>
        {
            ["PATH"] = Environment.GetEnvironmentVariable("PATH") ?? UsualPath,
            ["HOME"] = folder,
            ["LANG"] = "C.UTF-8",
        };
        if (secrets is not null)
        {
            // OpenFaaS's SDKs for functions look here before /var/openfaas/secrets.
            variables["secret_mount_path"] = secrets;
        }

        foreach (var (name, value) in deployment.EnvVars ?? new Dictionary<string, string>())
        {
            variables[name] = value;
        }

        return variables;
    }
}
