using Connectors.Provider.Contracts;
using Connectors.Sdk.Invocation;

namespace Connectors.Provider.Running;

/// <summary>Errors that the provider makes, not the function: they say so, and a queue-worker sends the call again.</summary>
internal static class InternalError
{
    public const string Proxy = "proxy";
    public const string Limiter = "faas-middleware";
    public const string Watchdog = "of-watchdog";

    /// <summary>No process is ready, and none will be soon.</summary>
    public static Task NoEndpointsAsync(HttpContext caller, FunctionName function) =>
        AnswerAsync(caller, StatusCodes.Status503ServiceUnavailable, Proxy, $"No endpoints available for: {function.Name}.");

    public static Task AnswerAsync(HttpContext caller, int status, string source, string text)
    {
        if (caller.Response.HasStarted)
        {
            caller.Abort();
            return Task.CompletedTask;
        }

        caller.Response.Headers[WellKnownHeaders.Internal] = source;
        return Answer.TextAsync(caller, status, text);
    }
}
