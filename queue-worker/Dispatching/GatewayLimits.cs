using Connectors.Sdk.Hosting;
using Connectors.Streams.Records;

namespace Connectors.QueueWorker.Dispatching;

/// <summary>
/// Hears from the gateway's answers what may cut calls before <c>upstream_timeout</c> is over, and says so, once for each: a gateway of another system, whose own
/// limit it does not tell, and one of ours that grants less. What they cut is sent again, for nobody can tell it from a function that failed.
/// </summary>
internal sealed class GatewayLimits(DispatchOptions options, HttpMessageHandler connections, ILogger log) : DelegatingHandler(connections)
{
    private const string Ours = "connectors/";
    private const string OpenFaas = "openfaas";

    private int _hasToldOthers;
    private int _hasToldShorter;

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var answer = await base.SendAsync(request, cancellationToken);
        if (_hasToldOthers == 0 && IsOfOthers(answer) && Interlocked.Exchange(ref _hasToldOthers, 1) == 0)
        {
            Log.GatewayOfOthers(log, options.Gateway.AbsoluteUri, options.UpstreamTimeout);
        }

        if (_hasToldShorter == 0 && GrantedBy(answer) is { } granted && granted < options.UpstreamTimeout && Interlocked.Exchange(ref _hasToldShorter, 1) == 0)
        {
            Log.GatewayGrantsLess(log, options.Gateway.AbsoluteUri, options.UpstreamTimeout, granted);
        }

        return answer;
    }

    // Ours and OpenFaaS's name themselves. Any other name may be that of a function's own servers, which a gateway passes on in place of its own; no name at all is
    // a gateway's, unless it is an error, which may come from something before ours.
    private static bool IsOfOthers(HttpResponseMessage answer)
    {
        if (!answer.Headers.NonValidated.TryGetValues(CallHeaders.ServedBy, out var names))
        {
            return answer.IsSuccessStatusCode;
        }

        var isOpenFaas = false;
        foreach (var name in names)
        {
            if (name.Contains(Ours, StringComparison.Ordinal))
            {
                return false;
            }

            isOpenFaas |= name.StartsWith(OpenFaas, StringComparison.OrdinalIgnoreCase);
        }

        return isOpenFaas;
    }

    private static TimeSpan? GrantedBy(HttpResponseMessage answer) =>
        answer.Headers.NonValidated.TryGetValues(CallHeaders.GrantedTimeout, out var text) && GoDuration.TryParse(text.ToString(), out var granted) ? granted : null;
}
