using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace Connectors.Gateway.Endpoints;

/// <summary>
/// How long a body of <c>/system/</c> and <c>/ui/</c> may take: <c>read_timeout</c>, whichever endpoint reads it; then it is 408. A function's is bounded by its call,
/// and so is the time in which its answer is read. What is left unread at a call's end, and any other answer, is read at the server's rate or cut.
/// </summary>
internal sealed class BodyTime(GatewayOptions options)
{
    // The server looks at its clock once a second, and refuses a limit that is not longer.
    private static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(1001);

    // No rate is enough once the grace period is over: so it limits the whole body.
    private readonly MinDataRate _limit = new(double.MaxValue, options.ReadTimeout > Shortest ? options.ReadTimeout : Shortest);

    public Task InvokeAsync(HttpContext http, RequestDelegate next)
    {
        if (http.Request.Path.StartsWithSegments("/system") || http.Request.Path.StartsWithSegments("/ui"))
        {
            http.Features.GetRequiredFeature<IHttpMinRequestBodyDataRateFeature>().MinDataRate = _limit;
        }
        else if (http.Features.Get<IHttpMinResponseDataRateFeature>() is { } answer)
        {
            answer.MinDataRate = null;
        }

        return next(http);
    }
}
