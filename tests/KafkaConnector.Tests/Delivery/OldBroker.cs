using Connectors.Testing;

namespace Connectors.Kafka.Tests.Delivery;

/// <summary>What is said to Apache Kafka 0.9, which cannot be asked what it knows.</summary>
internal static class OldBroker
{
    /// <summary>For plain clients.</summary>
    public static readonly string[] Properties = ["api.version.request", "false", "broker.version.fallback", "0.9.0.1"];

    /// <summary>A connector's options, as an operator would set them: short times, nothing else. The group is named like the topic.</summary>
    public static Dictionary<string, string> Environment(string hosts, string topic, GatewayServer gateway, params string[] more)
    {
        var environment = new Dictionary<string, string>
        {
            ["topics"] = topic,
            ["broker_hosts"] = hosts,
            ["group"] = topic,
            ["gateway_url"] = gateway.Url.AbsoluteUri,
            ["rebuild_interval"] = "100ms",
            ["commit_interval"] = "100ms",
            ["initial_retry_wait"] = "10ms",
            ["print_response"] = "false",
            ["kafka_api_version_request"] = "false",
            ["kafka_broker_version_fallback"] = "0.9.0.1",
            ["kafka_session_timeout_ms"] = "4000",
            ["kafka_heartbeat_interval_ms"] = "500",
            ["kafka_reconnect_backoff_max_ms"] = "500",
        };
        foreach (var pair in more.Chunk(2))
        {
            environment[pair[0]] = pair[1];
        }

        return environment;
    }
}
