using System.Collections.Frozen;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;

namespace Connectors.Gateway.Forwarding;

/// <summary>A caller's request as it goes on: every header but those of one connection, and who sent it (openfaas-spec 1.6).</summary>
internal static class RelayedRequest
{
    // The server's own name, the length that the body knows, and a wait that this side has already ended.
    private static readonly FrozenSet<string> MadeAnew = FrozenSet.Create(StringComparer.OrdinalIgnoreCase, "Host", "Content-Length", "Expect");
    private static readonly string UserAgent = $"gateway/{CommandLine.Version}";
    private static readonly UriCreationOptions AsSent = new() { DangerousDisablePathAndQueryCanonicalization = true };

    public static HttpRequestMessage Create(HttpContext caller, string target, RequestBody? body, RelayRules rules)
    {
        var request = new HttpRequestMessage(new HttpMethod(caller.Request.Method), new Uri(target, AsSent))
        {
            Content = body ?? (caller.Request.ContentType is null ? null : (HttpContent)new ByteArrayContent([])),
        };
        foreach (var (name, values) in caller.Request.Headers)
        {
            if (!HopByHop.Contains(name) && !MadeAnew.Contains(name))
            {
                HttpConnections.Add(request, name, values);
            }
        }

        if (rules.Authorization is { } authorization)
        {
            request.Headers.Remove("Authorization");
            request.Headers.TryAddWithoutValidation("Authorization", authorization);
        }

        AddIfAbsent(request, "User-Agent", UserAgent);
        AddIfAbsent(request, "X-Forwarded-Host", caller.Request.Host.Value);
        AddIfAbsent(request, "X-Forwarded-For", RemoteAddress(caller));
        return request;
    }

    private static void AddIfAbsent(HttpRequestMessage request, string name, string? value)
    {
        if (!string.IsNullOrEmpty(value) && !request.Headers.NonValidated.Contains(name))
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }
    }

    private static string RemoteAddress(HttpContext caller) => $"{caller.Connection.RemoteIpAddress}:{caller.Connection.RemotePort}";
}
