using System.Buffers;
using System.Globalization;
using System.Net;

namespace Connectors.Client;

/// <summary>
/// Calls functions through a gateway's queue. One instance serves all threads.
/// <code>
/// using var http = new HttpClient { BaseAddress = new Uri("http://gateway:8080") };
/// var functions = new FunctionClient(http);
/// var call = await functions.SubmitAsync("resize", picture, new CallOptions { KeepResult = TimeSpan.FromHours(1) });
/// var result = await functions.ResultAsync(call.CallId);
/// </code>
/// </summary>
public sealed class FunctionClient
{
    private static readonly SearchValues<char> HeaderCharacters = SearchValues.Create([.. Enumerable.Range(' ', '~' - ' ' + 1).Append('\t').Select(code => (char)code)]);
    private static readonly TimeSpan MinPause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan MaxPause = TimeSpan.FromSeconds(2);

    // A larger body waits for the gateway to ask for it: a refusal that comes while it is sent is heard as a broken connection.
    private const int MaxUnasked = 1024 * 1024;

    private readonly HttpClient _http;
    private readonly TimeProvider _time;
    private readonly Uri _calls;

    /// <summary>A client of one gateway.</summary>
    /// <param name="http">
    /// How to reach it: <see cref="HttpClient.BaseAddress"/> is the gateway's address, and default headers are sent with each request, such as the
    /// credentials that a gateway with <c>call_api_auth=basic</c> wants. It stays the caller's to dispose.
    /// </param>
    /// <param name="time">The clock of pauses between two tries; the system's unless given.</param>
    /// <exception cref="ArgumentException">The <see cref="HttpClient.BaseAddress"/> is not set.</exception>
    public FunctionClient(HttpClient http, TimeProvider? time = null)
    {
        ArgumentNullException.ThrowIfNull(http);
        var gateway = http.BaseAddress ?? throw new ArgumentException($"{nameof(HttpClient.BaseAddress)} is not set: it has to be the gateway's address.", nameof(http));
        _http = http;
        _time = time ?? TimeProvider.System;
        _calls = new Uri(new Uri(gateway.AbsoluteUri.TrimEnd('/') + "/"), "async-function/");
    }

    /// <summary>Submits a text as UTF-8; see the overload with bytes.</summary>
    /// <inheritdoc cref="SubmitAsync(string, ReadOnlyMemory{byte}, CallOptions, CancellationToken)"/>
    public Task<AcceptedCall> SubmitAsync(string function, string body, CallOptions? options = null, CancellationToken ct = default) =>
        SubmitAsync(function, System.Text.Encoding.UTF8.GetBytes(body), options ?? new CallOptions { ContentType = "text/plain; charset=utf-8" }, ct);

    /// <summary>
    /// Submits a call and returns when it is stored. With an <see cref="CallOptions.IdempotencyKey"/> it is submitted again while that is not known, for as
    /// long as <see cref="CallOptions.Patience"/>.
    /// </summary>
    /// <param name="function">Its name, for example <c>resize</c> or <c>resize.namespace</c>; a path and a query may follow.</param>
    /// <param name="body">What it gets.</param>
    /// <param name="options">Callback, delay, key, tags and more.</param>
    /// <param name="ct">Gives up waiting; the call may be stored nevertheless.</param>
    /// <exception cref="CallRefusedException">The gateway does not take this call: no such function, too large, a header that it does not accept.</exception>
    /// <exception cref="CallNotKnownException">Whether it was stored is not known: no answer, a 5xx, or a success without the call's id.</exception>
    /// <exception cref="ArgumentException">The name leads out of the functions, or a header cannot be sent.</exception>
    public async Task<AcceptedCall> SubmitAsync(string function, ReadOnlyMemory<byte> body, CallOptions? options = null, CancellationToken ct = default)
    {
        options = WithCallId(options ?? new CallOptions());
        var address = AddressOf(function);
        var patience = options.IdempotencyKey is null ? TimeSpan.Zero : options.Patience;
        var began = _time.GetTimestamp();
        for (var pause = MinPause; ; pause = Longer(pause))
        {
            try
            {
                return await SubmitOnceAsync(address, body, options, ct);
            }
            catch (CallNotKnownException) when (_time.GetElapsedTime(began) + pause <= patience)
            {
                await Task.Delay(pause, _time, ct);
            }
        }
    }

    /// <summary>Waits until a call has ended, and returns how. It must have been submitted with <see cref="CallOptions.KeepResult"/>.</summary>
    /// <param name="callId">The call's id.</param>
    /// <param name="ct">Gives up waiting; the call goes on.</param>
    /// <exception cref="CallRefusedException">404: no result of such a call is kept, or not any more.</exception>
    /// <exception cref="CallNotKnownException">The gateway is away, or fails.</exception>
    public async Task<CallResult> ResultAsync(string callId, CancellationToken ct = default)
    {
        for (var pause = MinPause; ; pause = Longer(pause))
        {
            if (await FindResultAsync(callId, ct) is { } result)
            {
                return result;
            }

            await Task.Delay(pause, _time, ct);
        }
    }

    /// <summary>How a call ended; null while it has not.</summary>
    /// <inheritdoc cref="ResultAsync"/>
    public async Task<CallResult?> FindResultAsync(string callId, CancellationToken ct = default)
    {
        // Else a redirect that the function answered with would be followed, with the headers that are meant for the gateway.
        using var request = new HttpRequestMessage(HttpMethod.Get, AddressOfCall(callId)) { Headers = { { "X-Result-Status", "200" } } };
        using var answer = await SendAsync(request, ct);
        if (HeaderOf(answer, "X-Function-Status") is { } status)
        {
            var seconds = double.TryParse(HeaderOf(answer, "X-Duration-Seconds"), CultureInfo.InvariantCulture, out var number) ? number : 0;
            return new CallResult(
                callId,
                HeaderOf(answer, "X-Call-State") ?? "",
                int.Parse(status, CultureInfo.InvariantCulture),
                TimeSpan.FromSeconds(seconds),
                [.. from header in answer.Headers.Concat(answer.Content.Headers) from value in header.Value select KeyValuePair.Create(header.Key, value)],
                await answer.Content.ReadAsByteArrayAsync(ct),
                HeaderOf(answer, "X-Result-Dropped") is not null);
        }

        return answer.StatusCode == HttpStatusCode.Accepted ? null : throw await FailureAsync(answer, ct);
    }

    /// <summary>Cancels a call: one that waits never starts, one that runs is aborted, and one that has ended stays as it is.</summary>
    /// <param name="callId">The call's id.</param>
    /// <param name="ct">Gives up waiting; the call may be cancelled nevertheless.</param>
    /// <exception cref="CallRefusedException">The gateway wants credentials, or the id is none.</exception>
    /// <exception cref="CallNotKnownException">Whether it was cancelled is not known; asking again is safe.</exception>
    public async Task CancelAsync(string callId, CancellationToken ct = default)
    {
        using var request = new HttpRequestMessage(HttpMethod.Delete, AddressOfCall(callId));
        using var answer = await SendAsync(request, ct);
        if (answer.StatusCode != HttpStatusCode.Accepted)
        {
            throw await FailureAsync(answer, ct);
        }
    }

    // All tries have one id: whichever of them was stored, that is the id to ask by.
    private CallOptions WithCallId(CallOptions options) =>
        options.IdempotencyKey is null || options.CallId is not null || options.Headers.Any(header => header.Key.Equals("X-Call-Id", StringComparison.OrdinalIgnoreCase))
            ? options
            : options with { CallId = Guid.CreateVersion7(_time.GetUtcNow()).ToString() };

    private async Task<AcceptedCall> SubmitOnceAsync(Uri address, ReadOnlyMemory<byte> body, CallOptions options, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, address) { Content = new ReadOnlyMemoryContent(body) };
        request.Headers.ExpectContinue = body.Length > MaxUnasked ? true : null;
        foreach (var (name, value) in options.AllHeaders().Prepend(KeyValuePair.Create("Content-Type", options.ContentType)))
        {
            // The handler would find it out, with an error that looks like a gateway's that is away.
            if (value.AsSpan().ContainsAnyExcept(HeaderCharacters) || !(request.Headers.TryAddWithoutValidation(name, value) || request.Content.Headers.TryAddWithoutValidation(name, value)))
            {
                throw new ArgumentException($"The header {name} cannot be sent: a value is of ASCII characters, none of them a control character but the tab.", nameof(options));
            }
        }

        using var answer = await SendAsync(request, ct);
        return answer.StatusCode == HttpStatusCode.Accepted && HeaderOf(answer, "X-Call-Id") is { } callId
            ? new AcceptedCall(callId, HeaderOf(answer, "X-Duplicate") == "true")
            : throw await FailureAsync(answer, ct);
    }

    private async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken ct)
    {
        try
        {
            return await _http.SendAsync(request, ct);
        }
        catch (Exception fault) when (fault is HttpRequestException || (fault is OperationCanceledException && !ct.IsCancellationRequested))
        {
            throw new CallNotKnownException($"No answer from {_calls.GetLeftPart(UriPartial.Authority)}: {fault.Message}", fault);
        }
    }

    private static async Task<CallException> FailureAsync(HttpResponseMessage answer, CancellationToken ct)
    {
        // Not by its charset: a proxy's page may name one that nobody knows.
        var text = System.Text.Encoding.UTF8.GetString(await answer.Content.ReadAsByteArrayAsync(ct)).Trim();
        return IsRefusal(answer)
            ? new CallRefusedException(answer.StatusCode, text)
            : new CallNotKnownException($"{(int)answer.StatusCode}: {(text.Length > 0 ? text : "no answer of a gateway's")}");
    }

    // What stands between us and the stream leaves open whether the call got there: a proxy by any 5xx of its own, or by a success that is no gateway's; the
    // gateway by 500, which it also answers when it fails with the call stored already, and by 503. Of what is above 499 its 508 alone says that nothing was.
    private static bool IsRefusal(HttpResponseMessage answer) => answer.StatusCode switch
    {
        >= HttpStatusCode.BadRequest and < HttpStatusCode.InternalServerError => true,
        HttpStatusCode.LoopDetected => HeaderOf(answer, "X-OpenFaaS-Internal") == "gateway",
        _ => false,
    };

    private Uri AddressOf(string function)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(function);
        return Uri.TryCreate(_calls.AbsoluteUri + function, UriKind.Absolute, out var address)
            && address.AbsolutePath.StartsWith(_calls.AbsolutePath, StringComparison.Ordinal) && address.AbsolutePath.Length > _calls.AbsolutePath.Length
            ? address
            : throw new ArgumentException($"\"{function}\" is no function's name: it leads out of {_calls.AbsolutePath}.", nameof(function));
    }

    private Uri AddressOfCall(string callId)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(callId);
        return callId is "." or ".."
            ? throw new ArgumentException($"\"{callId}\" is no call's id.", nameof(callId))
            : new Uri(_calls.AbsoluteUri + Uri.EscapeDataString(callId));
    }

    private static string? HeaderOf(HttpResponseMessage answer, string name) => answer.Headers.TryGetValues(name, out var values) ? values.First() : null;

    private static TimeSpan Longer(TimeSpan pause) => pause * 2 < MaxPause ? pause * 2 : MaxPause;
}
