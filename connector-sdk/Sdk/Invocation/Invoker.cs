using System.Collections.Frozen;
using System.Net.Http.Headers;
using System.Net.Sockets;
using Connectors.Sdk.Hosting;

namespace Connectors.Sdk.Invocation;

/// <summary>Sends function calls through a gateway, or to functions themselves; every failure becomes an <see cref="Outcome"/>.</summary>
public sealed class Invoker : IDisposable
{
    // Written anew for each connection and body.
    private static readonly FrozenSet<string> Ours = FrozenSet.Create(StringComparer.OrdinalIgnoreCase, "Host", "Content-Length", "Expect");

    private static readonly string[] Stamps = ["X-Start-Time", WellKnownHeaders.CallId, WellKnownHeaders.DurationSeconds];

    private static readonly UriCreationOptions AsGiven = new() { DangerousDisablePathAndQueryCanonicalization = true };

    // Names of so many headers are compared each with each; of more, which nobody sends in earnest, by a table.
    private const int MaxCompared = 32;
    private const int MaxAddresses = 4096;

    private readonly LatestAddresses _addresses = new(MaxAddresses);
    private readonly HttpMessageInvoker _http;
    private readonly Func<FunctionCall, string> _address;
    private readonly bool _isGateway;
    private readonly string _userAgent;
    private readonly TimeProvider _time;

    /// <summary>Creates an invoker.</summary>
    /// <param name="gateway">The gateway's address; a path of its own is kept.</param>
    /// <param name="service">The caller's name for <c>User-Agent</c>.</param>
    /// <param name="time">The clock.</param>
    /// <param name="handler">The connection pool; null for one of our own without proxy, redirects, cookies or decompression.</param>
    public Invoker(Uri gateway, string service, TimeProvider time, HttpMessageHandler? handler = null)
        : this(call => $"{gateway.AbsoluteUri.TrimEnd('/')}/{(call.Asynchronous ? "async-function" : "function")}/{call.Function}", service, time, handler)
    {
        _isGateway = true;
    }

    /// <summary>Creates an invoker that calls functions where they are.</summary>
    /// <param name="address">A call's address, without its path and query.</param>
    /// <param name="service">The caller's name for <c>User-Agent</c>.</param>
    /// <param name="time">The clock.</param>
    /// <param name="handler">The connection pool; null for one of our own without proxy, redirects, cookies or decompression.</param>
    public Invoker(Func<FunctionCall, string> address, string service, TimeProvider time, HttpMessageHandler? handler = null)
    {
        _address = address;
        _userAgent = $"{service}/{CommandLine.Version}";
        _time = time;
        _http = new HttpMessageInvoker(handler ?? HttpConnections.Create());
    }

    /// <summary>Sends one call. Cancelling <paramref name="abort"/> closes the connection and yields <see cref="OutcomeKind.Aborted"/>; nothing is thrown.</summary>
    public async Task<Outcome> InvokeAsync(FunctionCall call, CancellationToken abort)
    {
        using var limit = new TimeLimit(call.Timeout, _time, abort);
        return await InvokeAsync(call, limit);
    }

    /// <summary>The same under a time limit that has begun.</summary>
    public async Task<Outcome> InvokeAsync(FunctionCall call, TimeLimit limit)
    {
        var started = _time.GetTimestamp();
        var hasBegun = false;
        try
        {
            using var request = Request(call);
            using var response = await _http.SendAsync(request, limit.Token);
            hasBegun = true;
            if ((int)response.StatusCode < 200)
            {
                // 101 hands the connection over to a protocol that nobody asked for; below 100 there is nothing.
                return Broken(OutcomeKind.Unreachable, 502, $"the answer's status is {(int)response.StatusCode}");
            }

            if (call.Asynchronous && (int)response.StatusCode is < 400 and not 202)
            {
                // No gateway: a proxy before it, that leads elsewhere or shows a login. Nothing is known to be stored.
                return Broken(OutcomeKind.Unreachable, 503, $"the answer's status is {(int)response.StatusCode}; a gateway that has stored a call says 202");
            }

            if (_isGateway && IsOfNoGateway(response))
            {
                // Such as of a proxy before it, that wants https or a login. Below 400 all else is a success.
                return Broken(OutcomeKind.Unreachable, 503, $"the answer's status is {(int)response.StatusCode}, and no gateway's: does gateway_url lead elsewhere?") with
                {
                    HasAnswerBegun = false,
                    WasNeverSent = true,
                };
            }

            var (body, length) = await BodyReading.ReadAsync(response.Content, call.KeepBytes, limit.Token);
            var answer = Answer(response, call.KeepHeaders, body, length, _time.GetElapsedTime(started));
            return call.Asynchronous && IsOfTheMoment(answer.Status)
                ? answer with { Kind = OutcomeKind.Unreachable, HasAnswerBegun = false, Error = $"the gateway, or what stands before it, did not take the call: it answered {answer.Status}" }
                : answer;
        }
        catch (OperationCanceledException) when (limit.IsOver)
        {
            return Broken(call.Asynchronous ? OutcomeKind.Unreachable : OutcomeKind.TimedOut, 504, $"no answer within {GoDuration.Format(call.Timeout)}");
        }
        catch (OperationCanceledException) when (limit.IsCancelled)
        {
            return Broken(OutcomeKind.Aborted, 499, "given up");
        }
        catch (Exception fault) when (fault is HttpRequestException or IOException or SocketException or OperationCanceledException)
        {
            // Cancelled by neither of us: the pool's own limit for making a connection.
            hasBegun |= fault is HttpRequestException { HttpRequestError: HttpRequestError.InvalidResponse or HttpRequestError.ConfigurationLimitExceeded };
            return Broken(OutcomeKind.Unreachable, 503, fault.GetBaseException().Message) with { WasNeverSent = !hasBegun && IsOfConnecting(fault) };
        }
        catch (Exception fault)
        {
            // Nothing was sent, and no repeat would change that: the call itself cannot be written as a request.
            return Broken(OutcomeKind.Failed, 400, $"the call cannot be sent: {fault.Message}");
        }

        // No function answers a call that is to be enqueued.
        Outcome Broken(OutcomeKind kind, int status, string error) =>
            new() { Kind = kind, Status = status, Error = error, HasAnswerBegun = hasBegun && !call.Asynchronous, Duration = _time.GetElapsedTime(started) };
    }

    /// <summary>Whether a header of that name is written anew for each connection, whatever the call says.</summary>
    internal static bool SetsItself(string name) => HopByHop.Contains(name) || Ours.Contains(name);

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    private HttpRequestMessage Request(FunctionCall call)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, AddressOf(call)) { Content = new ReadOnlyMemoryContent(call.Body) };
        AddHeaders(request, call.Headers);
        request.Headers.Remove("User-Agent");
        request.Headers.TryAddWithoutValidation("User-Agent", _userAgent);
        request.Headers.Remove(WellKnownHeaders.Timeout);
        if (!call.Asynchronous)
        {
            // A gateway that enqueues answers at once, and one of OpenFaaS stores the header: its functions would be cut at the time that the enqueueing had.
            request.Headers.TryAddWithoutValidation(WellKnownHeaders.Timeout, GoDuration.Format(call.Timeout));
        }

        return request;
    }

    // Most calls have neither path nor query: their address is always the same.
    private Uri AddressOf(FunctionCall call)
    {
        if (call.Path.Length + call.Query.Length > 0)
        {
            return Address(call, RequestTarget.Of(call.Path + (call.Query.Length > 0 ? "?" + call.Query : "")));
        }

        if (_addresses.Find(call.Function, call.Asynchronous) is { } known)
        {
            return known;
        }

        var address = Address(call, "");
        _addresses.Add(call.Function, call.Asynchronous, address);
        return address;
    }

    private Uri Address(FunctionCall call, string target)
    {
        var address = _address(call);
        var hasPath = address.AsSpan(address.IndexOf("://", StringComparison.Ordinal) + 3).Contains('/');
        return new Uri(address + (hasPath || target.StartsWith('/') ? "" : "/") + target, AsGiven);
    }

    private static void AddHeaders(HttpRequestMessage request, IReadOnlyList<Header> headers)
    {
        if (headers.Count > MaxCompared)
        {
            foreach (var line in headers.Where(h => !SetsItself(h.Name)).GroupBy(h => h.Name, StringComparer.OrdinalIgnoreCase))
            {
                HttpConnections.Add(request, line.Key, [.. line.Select(h => h.OneLine)]);
            }

            return;
        }

        for (var i = 0; i < headers.Count; i++)
        {
            var header = headers[i];
            if (SetsItself(header.Name) || Has(headers, header.Name, 0, i))
            {
                continue;
            }

            if (Has(headers, header.Name, i + 1, headers.Count))
            {
                HttpConnections.Add(request, header.Name, [.. headers.Where(h => h.Is(header.Name)).Select(h => h.OneLine)]);
            }
            else
            {
                HttpConnections.Add(request, header.Name, header.OneLine);
            }
        }
    }

    private static bool Has(IReadOnlyList<Header> headers, string name, int from, int to)
    {
        for (var i = from; i < to; i++)
        {
            if (headers[i].Is(name))
            {
                return true;
            }
        }

        return false;
    }

    // Gateways stamp what they pass on, redirects of functions too: those of OpenFaaS with the time at which it came, ours with its id as well; the seconds that it
    // took are a watchdog's. X-Served-By is no such mark, for other proxies write it too.
    private static bool IsOfNoGateway(HttpResponseMessage response) =>
        (int)response.StatusCode is >= 300 and < 400 && !Array.Exists(Stamps, response.Headers.NonValidated.Contains);

    // While a connection is made: its host's name is looked up, it is opened, it is secured, or the pool's own time for that is over. Of what happens to a request
    // on a connection SocketsHttpHandler says something else.
    private static bool IsOfConnecting(Exception fault) => fault
        is HttpRequestException { HttpRequestError: HttpRequestError.NameResolutionError or HttpRequestError.ConnectionError or HttpRequestError.SecureConnectionError }
        or OperationCanceledException { InnerException: TimeoutException };

    // To a call that is to be enqueued: a gateway that cannot store it now, or a proxy that does not reach one or lets too little through. The call is not
    // judged by that, but for 508, which is said of its own callbacks.
    private static bool IsOfTheMoment(int status) => status is 408 or 429 or (>= 500 and not 508);

    private Outcome Answer(HttpResponseMessage response, bool keepHeaders, ReadOnlyMemory<byte> body, long length, TimeSpan duration)
    {
        var status = (int)response.StatusCode;
        return new Outcome
        {
            Kind = status < 400 ? OutcomeKind.Succeeded : OutcomeKind.Failed,
            Status = status,
            Headers = keepHeaders ? [.. Lines(response.Headers.NonValidated), .. Lines(response.Content.Headers.NonValidated)] : [],
            Body = body,
            BodyLength = length,
            Duration = duration,
            HasAnswerBegun = true,
            InternalSource = response.Headers.NonValidated.TryGetValues(WellKnownHeaders.Internal, out var source) ? source.ToString() : null,
            RetryAfter = status < 400 ? null : Wait(response.Headers.RetryAfter),
        };
    }

    private static IEnumerable<Header> Lines(HttpHeadersNonValidated headers) =>
        from header in headers from value in header.Value select new Header(header.Key, value);

    private TimeSpan? Wait(RetryConditionHeaderValue? retryAfter) => retryAfter switch
    {
        { Delta: { } delta } => delta,
        { Date: { } date } => date > _time.GetUtcNow() ? date - _time.GetUtcNow() : TimeSpan.Zero,
        _ => null,
    };
}
