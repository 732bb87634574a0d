namespace Connectors.Gateway.Security;

/// <summary>Who may use what lies below <c>/system/</c>.</summary>
internal static class SecurityHosting
{
    public static void AddSecurity(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<PageSessions>();
        builder.Services.AddSingleton<Acts>();
        builder.Services.AddSingleton<FunctionBoundary>();
        builder.Services.AddSingleton<SystemGuard>();
        builder.Services.AddHostedService<InitialCredentials>();
    }
}
