using System.Collections.Frozen;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.QueueWorker.Callbacks;

/// <summary>Posts an outcome to its callback URL once, and says so: one span, one log line and one count for each POST. Says too which receivers are slow.</summary>
internal sealed class CallbackSender(QueueWorkerOptions options, CallbackPoster poster, TimeProvider time, ILogger<CallbackSender> log)
{
    /// <returns>What came back, and the record with this POST among those that are over.</returns>
    public async Task<(CallbackAnswer Answer, CallbackRecord Posted)> PostAsync(Envelope envelope, CallbackRecord record, ReadOnlyMemory<byte> body, CancellationToken abort)
    {
        var (at, begun) = (time.GetUtcNow(), time.GetTimestamp());
        using var span = Tracing.Start($"callback {envelope.FunctionName}", ActivityKind.Client, envelope.Trace);
        span?.SetTag("callId", envelope.CallId).SetTag("attempt", record.Attempt);
        var answer = await poster.PostAsync(envelope with { Trace = span?.Id ?? envelope.Trace }, record, body, abort);
        span?.SetTag("http.response.status_code", answer.Status).SetStatus(answer.Error is null ? ActivityStatusCode.Ok : ActivityStatusCode.Error, answer.Error);
        var outcome = answer.Status is >= 200 and < 300 ? "delivered" : answer.Status > 0 ? "refused" : "unreachable";
        Metrics.CalledBack(options.Queue, outcome);
        Log.Callback(log, envelope.CallId, envelope.FunctionName.ToString(), record.Attempt, answer.Status, answer.Error);
        var post = new PastAttempt { At = at, Status = answer.Status, Seconds = Math.Round(time.GetElapsedTime(begun).TotalSeconds, 6), Error = answer.Error };
        return (answer, record with { Posts = PastAttempt.Add(record.Posts, post) });
    }

    /// <summary>A receiver turned slow, or is so no more.</summary>
    public void Turned(string receiver, bool isSlow, bool isNews)
    {
        Metrics.ReceiverTurned(options.Queue, isSlow);
        if (isNews)
        {
            Log.ReceiverSlow(log, options.Queue, receiver);
        }
    }
}

/// <summary>One signed POST to a callback URL; every failure becomes a <see cref="CallbackAnswer"/>.</summary>
internal sealed class CallbackPoster(QueueWorkerOptions options, HttpMessageInvoker http, WebhookSigner signer, TimeProvider time)
{
    public async Task<CallbackAnswer> PostAsync(Envelope envelope, CallbackRecord record, ReadOnlyMemory<byte> body, CancellationToken abort)
    {
        if (CallbackUrl.Of(envelope.Callback) is not { } url)
        {
            return new CallbackAnswer(0, "the callback URL is not http or https", IsRefused: true);
        }

        if (url.IsSystemOf(options.Dispatch.Gateway))
        {
            return new CallbackAnswer(0, "callbacks may not go to the gateway's own /system/", IsRefused: true);
        }

        if (!options.Callbacks.Hosts.Allow(url.Address.IdnHost))
        {
            return new CallbackAnswer(0, $"callbacks may not go to {url.Address.IdnHost}; see {CallbackHosts.Option}", IsRefused: true);
        }

        using var limit = new TimeLimit(options.Callbacks.Timeout, time, abort);
        try
        {
            using var request = CallbackRequest.From(envelope, record, body, url, signer.Sign(envelope.DeliveryId, body));
            using var response = await http.SendAsync(request, limit.Token);
            return new CallbackAnswer((int)response.StatusCode, RetryAfter: Wait(response));
        }
        catch (OperationCanceledException) when (!abort.IsCancellationRequested)
        {
            return new CallbackAnswer(0, limit.IsOver ? "no answer in time" : "no connection in time");
        }
        catch (Exception fault) when (fault is HttpRequestException or IOException)
        {
            var cause = fault.GetBaseException();
            return new CallbackAnswer(0, cause.Message, IsRefused: cause is AddressRefusedException);
        }
        catch (Exception fault) when (fault is not OperationCanceledException)
        {
            // It cannot be written as a request, and trying again would not change that.
            return new CallbackAnswer(0, $"the callback cannot be sent: {fault.Message}", IsRefused: true);
        }
    }

    private TimeSpan? Wait(HttpResponseMessage response) => response.Headers.RetryAfter switch
    {
        { Delta: { } delta } => delta,
        { Date: { } date } => date - time.GetUtcNow(),
        _ => null,
    };
}

/// <summary>Where a callback goes: the address as it was given, never rewritten on its way. Only what may not stand in a request line is escaped.</summary>
/// <param name="Address">What is dialled and sent.</param>
/// <param name="Credentials">The URL's user-info, unescaped; empty for none.</param>
internal sealed record CallbackUrl(Uri Address, string Credentials)
{
    private static readonly UriCreationOptions AsGiven = new() { DangerousDisablePathAndQueryCanonicalization = true };

    /// <summary>Host and port: who is posted to, however the host was written. Behind our own gateway each function is a receiver by itself.</summary>
    public string Receiver(Uri gateway)
    {
        var host = Address.IdnHost.TrimEnd('.').ToLowerInvariant();
        var path = Segments(Address).Take(2).ToList();
        var isFunction = Address.Port == gateway.Port && host.Equals(gateway.IdnHost.TrimEnd('.'), StringComparison.OrdinalIgnoreCase) && path is ["function" or "async-function", _];
        return isFunction ? $"{host}:{Address.Port}/{path[0]}/{path[1]}" : $"{host}:{Address.Port}";
    }

    /// <summary>Reads a URL; null if it is not an absolute one of http or https.</summary>
    public static CallbackUrl? Of(string? given)
    {
        if (!Uri.TryCreate(given, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https"))
        {
            return null;
        }

        var host = given.IndexOf("://", StringComparison.Ordinal) + 3;
        var end = host < 3 ? -1 : given.AsSpan(host).IndexOfAny("/\\?#");
        var target = end < 0 ? "/" : given[(host + end)..].Split('#')[0];
        target = target.Length == 0 ? "/" : target[0] == '?' ? "/" + target : "/" + target[1..];
        var server = url.GetComponents(UriComponents.SchemeAndServer, UriFormat.UriEscaped);
        return new CallbackUrl(new Uri(server + RequestTarget.Of(target), AsGiven), Uri.UnescapeDataString(url.UserInfo));
    }

    /// <summary>Whether it leads to a gateway's <c>/system/</c>. The gateway may have more names than we know: on its port, that is refused whatever the host.</summary>
    public bool IsSystemOf(Uri gateway)
    {
        if (Address.Port != gateway.Port && !Address.Host.TrimEnd('.').Equals(gateway.Host, StringComparison.OrdinalIgnoreCase))
        {
            return false;
        }

        // A gateway below a path has its own behind that; whatever stands before it may have taken the path away.
        var path = Segments(Address);
        var below = Segments(gateway);
        return IsSystem(path) || (path.Take(below.Count).SequenceEqual(below, StringComparer.OrdinalIgnoreCase) && IsSystem(path.Skip(below.Count)));
    }

    private static bool IsSystem(IEnumerable<string> path) => path.FirstOrDefault()?.Equals("system", StringComparison.OrdinalIgnoreCase) == true;

    // As a server reads it: escapes undone, back to front, dot segments and empty ones gone.
    private static List<string> Segments(Uri address)
    {
        var path = new Stack<string>();
        foreach (var segment in Unescaped(address.PathAndQuery.Split('?')[0]).Split('/', '\\'))
        {
            if (segment == "..")
            {
                _ = path.TryPop(out _);
            }
            else if (segment is not ("" or "."))
            {
                path.Push(segment);
            }
        }

        return [.. path.Reverse()];
    }

    // All that is escaped, however often. ASCII in one pass, for an escape may be made by another that is undone; the rest makes none.
    internal static string Unescaped(string path)
    {
        var text = new char[path.Length];
        var length = 0;
        foreach (var character in path)
        {
            text[length++] = character;
            while (length >= 3 && text[length - 3] == '%' && char.IsAsciiHexDigit(text[length - 1])
                && byte.TryParse(text.AsSpan(length - 2, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value) && value < 0x80)
            {
                length -= 2;
                text[length - 1] = (char)value;
            }
        }

        return Uri.UnescapeDataString(text.AsSpan(0, length));
    }
}

/// <summary>The POST that tells an outcome: the function's answer with our headers over its own.</summary>
internal static class CallbackRequest
{
    // Of this one connection, or what would make the client wait for a word that receivers need not say.
    private static readonly FrozenSet<string> NotPassedOn = FrozenSet.Create(StringComparer.OrdinalIgnoreCase, "Content-Length", "Host", "Expect");

    public static HttpRequestMessage From(Envelope envelope, CallbackRecord record, ReadOnlyMemory<byte> body, CallbackUrl url, IEnumerable<Header> signature)
    {
        var own = Own(envelope, record).Concat(signature).ToList();
        var named = HopByHop.NamedBy(record.Headers.Where(h => h.Is("Connection")).Select(h => h.Value).ToArray());
        var request = new HttpRequestMessage(HttpMethod.Post, url.Address) { Content = new ReadOnlyMemoryContent(body) };
        var passed = record.Headers.Where(h => IsPassedOn(h) && !named.Contains(h.Name) && !own.Any(o => o.Is(h.Name)));
        foreach (var lines in passed.Concat(own).GroupBy(h => h.Name, StringComparer.OrdinalIgnoreCase))
        {
            HttpConnections.Add(request, lines.Key, [.. lines.Select(h => h.OneLine)]);
        }

        if (url.Credentials.Length > 0)
        {
            request.Headers.Remove("Authorization");
            request.Headers.TryAddWithoutValidation("Authorization", "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes(url.Credentials)));
        }

        return request;
    }

    private static bool IsPassedOn(Header header) => !HopByHop.Contains(header.Name) && !NotPassedOn.Contains(header.Name)
        && !header.Name.StartsWith("webhook-", StringComparison.OrdinalIgnoreCase);

    private static IEnumerable<Header> Own(Envelope envelope, CallbackRecord record)
    {
        yield return new Header(WellKnownHeaders.CallId, envelope.CallId);
        yield return new Header(CallHeaders.DeliveryId, envelope.DeliveryId);
        yield return new Header(CallHeaders.WebhookId, envelope.DeliveryId);
        yield return new Header(CallHeaders.FunctionName, envelope.NameAsCalled);
        yield return new Header(CallHeaders.FunctionStatus, Text(record.Status));
        yield return new Header(WellKnownHeaders.DurationSeconds, record.Seconds.ToString("F6", CultureInfo.InvariantCulture));
        yield return new Header(CallHeaders.Retry, Text(envelope.Attempt - 1));
        yield return new Header(CallHeaders.RetryMax, Text(record.Attempts - 1));
        yield return new Header(CallHeaders.CallbackHops, Text(envelope.Hops + 1));
        yield return new Header("User-Agent", $"queue-worker/{CommandLine.Version}");
        if (envelope.Redrive > 0)
        {
            yield return new Header(CallHeaders.Redrive, Text(envelope.Redrive));
        }

        if (envelope.Trace is { } trace)
        {
            yield return new Header(WellKnownHeaders.TraceParent, trace);
        }
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
