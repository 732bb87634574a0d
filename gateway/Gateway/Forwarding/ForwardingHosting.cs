namespace Connectors.Gateway.Forwarding;

/// <summary>The relay and the connections that it keeps.</summary>
internal static class ForwardingHosting
{
    public static void AddForwarding(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<UpstreamConnections>();
        builder.Services.AddSingleton<Relay>();
    }
}
