using System.Collections.Frozen;
using System.Net.Http.Headers;
using System.Net.Sockets;
using Connectors.Sdk.Hosting;

namespace Connectors.Sdk.Invocation;

/// <summary>Sends function calls through a gateway; every failure becomes an <see cref="Outcome"/>.</summary>
public sealed class Invoker : IDisposable
{
    // Written anew for each connection and body.
    private static readonly FrozenSet<string> Ours = FrozenSet.Create(StringComparer.OrdinalIgnoreCase, "Host", "Content-Length", "Expect");

    private readonly HttpMessageInvoker _http;
    private readonly Uri _gateway;
    private readonly string _userAgent;
    private readonly TimeProvider _time;

    /// <summary>Creates an invoker.</summary>
    /// <param name="gateway">The gateway's address; a path of its own is kept.</param>
    /// <param name="service">The caller's name for <c>User-Agent</c>.</param>
    /// <param name="time">The clock.</param>
    /// <param name="handler">The connection pool; null for one of our own without proxy, redirects, cookies or decompression.</param>
    public Invoker(Uri gateway, string service, TimeProvider time, HttpMessageHandler? handler = null)
    {
        _gateway = gateway.AbsolutePath.EndsWith('/') ? gateway : new Uri(gateway.AbsoluteUri + "/");
        _userAgent = $"{service}/{CommandLine.Version}";
        _time = time;
        _http = new HttpMessageInvoker(handler ?? HttpConnections.Create());
    }

    /// <summary>Sends one call. Cancelling <paramref name="abort"/> closes the connection and yields <see cref="OutcomeKind.Aborted"/>; nothing is thrown.</summary>
    public async Task<Outcome> InvokeAsync(FunctionCall call, CancellationToken abort)
    {
        var started = _time.GetTimestamp();
        using var limit = new TimeLimit(call.Timeout, _time, abort);
        try
        {
            using var request = Request(call);
            using var response = await _http.SendAsync(request, limit.Token);
            if ((int)response.StatusCode < 200)
            {
                // 101 hands the connection over to a protocol that nobody asked for; below 100 there is nothing.
                return Broken(OutcomeKind.Unreachable, 502, $"the answer's status is {(int)response.StatusCode}");
            }

            var (body, length) = await BodyReading.ReadAsync(response.Content, call.KeepBytes, limit.Token);
            return Answer(response, body, length, _time.GetElapsedTime(started));
        }
        catch (OperationCanceledException) when (limit.IsOver)
        {
            return Broken(OutcomeKind.TimedOut, 504, $"no answer within {GoDuration.Format(call.Timeout)}");
        }
        catch (OperationCanceledException) when (abort.IsCancellationRequested)
        {
            return Broken(OutcomeKind.Aborted, 499, "given up");
        }
        catch (Exception fault) when (fault is HttpRequestException or IOException or SocketException or OperationCanceledException)
        {
            // Cancelled by neither of us: the pool's own limit for making a connection.
            return Broken(OutcomeKind.Unreachable, 503, fault.GetBaseException().Message);
        }
        catch (Exception fault)
        {
            // Nothing was sent, and no repeat would change that: the call itself cannot be written as a request.
            return Broken(OutcomeKind.Failed, 400, $"the call cannot be sent: {fault.Message}");
        }

        Outcome Broken(OutcomeKind kind, int status, string error) =>
            new() { Kind = kind, Status = status, Error = error, Duration = _time.GetElapsedTime(started) };
    }

    /// <summary>Whether a header of that name is written anew for each connection, whatever the call says.</summary>
    internal static bool SetsItself(string name) => HopByHop.Contains(name) || Ours.Contains(name);

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    private HttpRequestMessage Request(FunctionCall call)
    {
        var route = call.Asynchronous ? "async-function/" : "function/";
        var address = _gateway.AbsoluteUri + route + call.Function + RequestTarget.Of(call.Path + (call.Query.Length > 0 ? "?" + call.Query : ""));
        var request = new HttpRequestMessage(HttpMethod.Post, new Uri(address, new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true }))
        {
            Content = new ReadOnlyMemoryContent(call.Body),
        };
        foreach (var line in call.Headers.GroupBy(h => h.Name, StringComparer.OrdinalIgnoreCase))
        {
            if (!SetsItself(line.Key))
            {
                HttpConnections.Add(request, line.Key, [.. line.Select(h => h.OneLine)]);
            }
        }

        request.Headers.Remove("User-Agent");
        request.Headers.TryAddWithoutValidation("User-Agent", _userAgent);
        request.Headers.Remove(WellKnownHeaders.Timeout);
        request.Headers.TryAddWithoutValidation(WellKnownHeaders.Timeout, GoDuration.Format(call.Timeout));
        return request;
    }

    private Outcome Answer(HttpResponseMessage response, ReadOnlyMemory<byte> body, long length, TimeSpan duration)
    {
        var status = (int)response.StatusCode;
        return new Outcome
        {
            Kind = status < 400 ? OutcomeKind.Succeeded : OutcomeKind.Failed,
            Status = status,
            Headers = [.. Lines(response.Headers.NonValidated), .. Lines(response.Content.Headers.NonValidated)],
            Body = body,
            BodyLength = length,
            Duration = duration,
            IsInternal = response.Headers.NonValidated.Contains(WellKnownHeaders.Internal),
            RetryAfter = Wait(response.Headers.RetryAfter),
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
