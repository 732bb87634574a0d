namespace Connectors.Gateway.Forwarding;

/// <summary>The relay and the connections that it keeps.</summary>
internal static class ForwardingHosting
{
    public static void AddForwarding(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<UpstreamConnections>();
        builder.Services.AddSingleton<Relay>();
    }

    /// <summary>Closes connections whose caller asks for it, on every port: the server does not see that they do.</summary>
    public static void HonourConnectionHeader(this WebApplication app) => app.Use((http, next) =>
    {
        ConnectionHeader.Honour(http);
        return next(http);
    });
}
