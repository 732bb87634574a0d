using System.Collections.Concurrent;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace Connectors.Testing;

/// <summary>
/// A real HTTP server on loopback that writes down every request and answers as the test says: it plays functions, an upstream provider, a gateway's
/// function routes, or the receiver of callbacks. It can be stopped and started again on its port.
/// </summary>
public sealed class HttpLedger : IAsyncDisposable
{
    private readonly ConcurrentQueue<RecordedRequest> _requests = new();
    private readonly ConcurrentQueue<RecordedRequest> _answered = new();
    private readonly ConcurrentQueue<string> _begun = new();
    private readonly ConcurrentDictionary<object, string> _runningPaths = new();
    private readonly Func<RecordedRequest, HttpContext, Task> _answer;
    private WebApplication? _app;
    private int _running;
    private int _mostRunning;

    private HttpLedger(Func<RecordedRequest, HttpContext, Task> answer, int port)
    {
        _answer = answer;
        Port = port;
    }

    /// <summary>The port; the same after every restart.</summary>
    public int Port { get; }

    /// <summary>The server's address, with a slash at its end.</summary>
    public Uri Url => new($"http://127.0.0.1:{Port}/");

    /// <summary>Every request so far, in order of arrival.</summary>
    public IReadOnlyCollection<RecordedRequest> Requests => _requests;

    /// <summary>Those whose answer was written in full.</summary>
    public IReadOnlyCollection<RecordedRequest> Answered => _answered;

    /// <summary>Requests being answered right now.</summary>
    public int Running => Volatile.Read(ref _running);

    /// <summary>Those of them whose path matches. They count before they are written down, so that who has seen a request finds it running.</summary>
    internal int RunningAt(Func<string, bool> path) => _runningPaths.Values.Count(path);

    /// <summary>The most requests that were being answered at once.</summary>
    public int MostRunning => Volatile.Read(ref _mostRunning);

    /// <summary>Starts a server that answers 200 with an empty body, or as <paramref name="answer"/> says; it is called after the request was written down.</summary>
    public static async Task<HttpLedger> StartAsync(Func<RecordedRequest, HttpContext, Task>? answer = null, int? port = null)
    {
        var ledger = new HttpLedger(answer ?? ((_, _) => Task.CompletedTask), port ?? FreePort.Next());
        await ledger.StartAgainAsync();
        return ledger;
    }

    /// <summary>Starts a server that answers each request with the next status of a list, then the last one for ever.</summary>
    public static Task<HttpLedger> StartWithStatusesAsync(params int[] statuses)
    {
        var next = -1;
        return StartAsync((_, http) =>
        {
            http.Response.StatusCode = statuses[Math.Min(Interlocked.Increment(ref next), statuses.Length - 1)];
            return Task.CompletedTask;
        });
    }

    /// <summary>Listens again after <see cref="StopAsync"/>.</summary>
    public async Task StartAgainAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(IPAddress.Loopback, Port);
            kestrel.Limits.MaxRequestBodySize = null;
            kestrel.Limits.MaxRequestHeadersTotalSize = 1024 * 1024;
            kestrel.RequestHeaderEncodingSelector = _ => System.Text.Encoding.Latin1;
            kestrel.ResponseHeaderEncodingSelector = _ => System.Text.Encoding.Latin1;
        });
        _app = builder.Build();
        _app.Run(ServeAsync);
        await _app.StartAsync();
    }

    /// <summary>Stops listening and cuts what is running.</summary>
    public async Task StopAsync()
    {
        if (_app is { } app)
        {
            _app = null;
            using var now = new CancellationTokenSource();
            await now.CancelAsync();
            await app.StopAsync(now.Token);
            await app.DisposeAsync();
        }
    }

    /// <summary>The paths of all requests whose headers have come, whether their bodies have or not.</summary>
    public IReadOnlyCollection<string> Begun => _begun;

    /// <summary>Waits until so many requests came (of those that match).</summary>
    public Task ReceivesAsync(int count, Func<RecordedRequest, bool>? matching = null) =>
        Eventually.HoldsAsync(() => _requests.Count(matching ?? (_ => true)) >= count, () => $"{count} requests; there were {_requests.Count(matching ?? (_ => true))}");

    /// <inheritdoc/>
    public async ValueTask DisposeAsync() => await StopAsync();

    private async Task ServeAsync(HttpContext http)
    {
        var request = await RunAsync(http);
        await http.Response.CompleteAsync();
        _answered.Enqueue(request);
    }

    // What runs is over before its caller can know, who may have sent the next by then.
    private async Task<RecordedRequest> RunAsync(HttpContext http)
    {
        var running = Interlocked.Increment(ref _running);
        InterlockedMax(ref _mostRunning, running);
        var (key, path) = (new object(), http.Request.Path.ToString());
        _runningPaths[key] = path;
        _begun.Enqueue(path);
        try
        {
            var request = await RecordAsync(http);
            await _answer(request, http);
            return request;
        }
        finally
        {
            _runningPaths.TryRemove(key, out _);
            Interlocked.Decrement(ref _running);
        }
    }

    private async Task<RecordedRequest> RecordAsync(HttpContext http)
    {
        using var body = new MemoryStream();
        await http.Request.Body.CopyToAsync(body, http.RequestAborted);
        var target = http.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        var question = target.IndexOf('?', StringComparison.Ordinal);
        var request = new RecordedRequest(
            TimeProvider.System.GetUtcNow(),
            http.Request.Method,
            question < 0 ? target : target[..question],
            question < 0 ? "" : target[(question + 1)..],
            [.. from header in http.Request.Headers from value in header.Value select KeyValuePair.Create(header.Key, value ?? "")],
            body.ToArray());
        _requests.Enqueue(request);
        return request;
    }

    private static void InterlockedMax(ref int target, int value)
    {
        for (var seen = Volatile.Read(ref target); value > seen; seen = Volatile.Read(ref target))
        {
            if (Interlocked.CompareExchange(ref target, value, seen) == seen)
            {
                return;
            }
        }
    }
}
