using System.Net.Sockets;
using System.Text;
using Connectors.Sdk.Hosting;

namespace Connectors.Sdk.Invocation;

/// <summary>Connection pools that add nothing to a request and change nothing in an answer: no proxy, redirects, cookies, decompression or trace headers.</summary>
public static class HttpConnections
{
    private static readonly HttpRequestOptionsKey<bool> HasRepeated = new("repeated headers");

    // Servers behind one name come and go, and a connection stays with the one that it found. One that lived for as long as it is used would keep work from
    // what was scaled out, and follow no name to where it leads now.
    private static readonly TimeSpan ShortestLife = TimeSpan.FromMinutes(1);

    /// <summary>
    /// A pool whose header values are bytes: each char up to U+00FF is one. Repeated headers are sent as separate lines, and a request that may not be repeated
    /// is never sent twice.
    /// </summary>
    /// <param name="dialer">How connections are made; null for the system's way.</param>
    public static HttpMessageHandler Create(Dialer? dialer = null)
    {
        var pool = Pool(dialer);
        pool.ConnectTimeout = TimeSpan.FromSeconds(10);
        pool.PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30);
        pool.MaxResponseHeadersLength = 128;
        return new SendsOnce(pool);
    }

    /// <summary>What such a pool has in common with pools of other makes.</summary>
    /// <param name="dialer">How connections are made; null for the system's way.</param>
    public static SocketsHttpHandler Pool(Dialer? dialer = null)
    {
        var network = dialer ?? new Dialer(TimeProvider.System);
        return new SocketsHttpHandler
        {
            UseProxy = false,
            AllowAutoRedirect = false,
            UseCookies = false,
            ActivityHeadersPropagator = null,
            PooledConnectionLifetime = Lifetime(Randomness.Source),
            ConnectCallback = async (context, ct) => Over(await network.DialAsync(context.DnsEndPoint.Host, context.DnsEndPoint.Port, ct)),
            RequestHeaderEncodingSelector = EncodingOf,
            ResponseHeaderEncodingSelector = (_, _) => Encoding.Latin1,
        };
    }

    /// <summary>A connection for such a pool: an answer that comes before the request is sent to its end is heard. It owns the socket.</summary>
    public static Stream Over(Socket socket) => new HearingStream(socket);

    /// <summary>For how long a connection takes further requests, whether or not it rests in between; what runs then is not cut. One to two minutes, by chance, so that not all are made anew at once.</summary>
    public static TimeSpan Lifetime(Random random) => ShortestLife * (1 + random.NextDouble());

    /// <summary>How a header of a request that <see cref="Add(HttpRequestMessage, string, IReadOnlyList{string?})"/> filled is written.</summary>
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
