using System.Text;

namespace Connectors.Sdk.Invocation;

/// <summary>Connection pools that add nothing to a request and change nothing in an answer: no proxy, redirects, cookies, decompression or trace headers.</summary>
public static class HttpConnections
{
    private static readonly HttpRequestOptionsKey<bool> HasRepeated = new("repeated headers");

    /// <summary>
    /// A pool whose header values are bytes: each char up to U+00FF is one. Repeated headers are sent as separate lines, and a request that may not be repeated
    /// is never sent twice.
    /// </summary>
    public static HttpMessageHandler Create() => new SendsOnce(new SocketsHttpHandler
    {
        UseProxy = false,
        AllowAutoRedirect = false,
        UseCookies = false,
        ActivityHeadersPropagator = null,
        ConnectTimeout = TimeSpan.FromSeconds(10),
        PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30),
        MaxResponseHeadersLength = 128,
        RequestHeaderEncodingSelector = EncodingOf,
        ResponseHeaderEncodingSelector = (_, _) => Encoding.Latin1,
    });

    /// <summary>How a header of a request that <see cref="Add(HttpRequestMessage, string, IReadOnlyList{string?})"/> filled is written; for pools of other makes, their <c>RequestHeaderEncodingSelector</c>.</summary>
    public static Encoding EncodingOf(string name, HttpRequestMessage request) =>
        request.Options.TryGetValue(HasRepeated, out _) ? RepeatedHeader.EncodingOf(name) : Encoding.Latin1;

    /// <summary>Adds a header line to a request of such a pool; entity headers need content to be on. Lines with a name that is no token are left out.</summary>
    public static void Add(HttpRequestMessage request, string name, IReadOnlyList<string?> values)
    {
        var value = values.Count > 0 ? values[0] : "";
        if (values.Count > 1)
        {
            value = RepeatedHeader.Join(values);
            request.Options.Set(HasRepeated, true);
        }

        Add(request, name, value);
    }

    /// <summary>The same for a name that has one line.</summary>
    public static void Add(HttpRequestMessage request, string name, string? value)
    {
        if (!request.Headers.TryAddWithoutValidation(name, value))
        {
            request.Content?.Headers.TryAddWithoutValidation(name, value);
        }
    }

    // When a kept connection is closed under a request, SocketsHttpHandler sends it again on another one, whatever its method, unless its body has begun to go
    // out. The server may have run it already. So a request that may not be repeated always has a body, even an empty one.
    private sealed class SendsOnce(HttpMessageHandler connections) : DelegatingHandler(connections)
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (request.Method != HttpMethod.Get && request.Method != HttpMethod.Head && request.Method != HttpMethod.Options)
            {
                request.Content ??= new ByteArrayContent([]);
            }

            return base.SendAsync(request, cancellationToken);
        }
    }
}
