using Connectors.Testing;

namespace Connectors.Sqs.Tests;

/// <summary>The connector as a process of its own, with all that its environment must say.</summary>
internal static class ConnectorProcess
{
    public static Dictionary<string, string> Environment(GatewayServer gateway, string queueUrl, Dictionary<string, string>? with = null)
    {
        var environment = new Dictionary<string, string>
        {
            ["gateway_url"] = gateway.Url.AbsoluteUri,
            ["queue_url"] = queueUrl,
            ["rebuild_interval"] = "100ms",
            ["wait_time"] = "1s",
            ["AWS_DEFAULT_REGION"] = SqsServer.Region,
            ["AWS_ACCESS_KEY_ID"] = Credentials.Key,
            ["AWS_SECRET_ACCESS_KEY"] = Credentials.Secret,

            // No instance to ask for a role, and so nothing to wait for.
            ["AWS_EC2_METADATA_DISABLED"] = "true",
        };
        foreach (var (name, value) in with ?? [])
        {
            environment[name] = value;
        }

        return environment;
    }
}
